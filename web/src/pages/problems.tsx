// Problems: what fails, grouped by kind; one click to the list, one to try again.
import { useState } from "preact/hooks";
import { get, post, type Problem } from "../api";
import { number, plural } from "../format";
import { complain, confirm, hear, may, queueUrl, say } from "../state";
import { Empty, Head, Link, Tabs, Time, Trouble, useRead } from "../ui";
import { useEffect } from "preact/hooks";

type Since = "1h" | "24h" | "7d";
const filterOf = (p: Problem) => `failed problem:${p.problem}`;

export function Problems() {
  const [since, setSince] = useState<Since>("24h");
  const read = useRead<{ problems: Problem[]; more: boolean }>(since, () => get(`/v1/problems?since=${since}`), 15000);
  useEffect(() => {
    let timer = 0;
    const stop = hear((_, item) => {
      if (item?.status !== "completed" && !timer) timer = window.setTimeout(() => { timer = 0; void read.again(); }, 1000);
    });
    return () => { stop(); clearTimeout(timer); };
  }, []);
  async function retry(p: Problem) {
    try {
      const n = await get<{ count: number; more: boolean }>(`/v1/items:count?q=${encodeURIComponent(filterOf(p))}`);
      const many = `${n.more ? "at least " : ""}${plural(n.count, "item")}`;
      if (!(await confirm(`Retry ${many}?`, `Every failed item with ${p.code} of this kind is queued again with a fresh budget of attempts. Its history is kept.`, `Retry ${many}`))) return;
      const answer = await post<{ count: number }>("/v1/items:retry", { filter: filterOf(p) });
      say(`${plural(answer.count, "item")} queued again.`);
      void read.again();
    } catch (e) {
      complain(e);
    }
  }
  const list = read.value?.problems ?? [];
  return (
    <>
      <Head title="Problems" note={list.length ? `${plural(list.length, "kind")} of failure` : undefined}>
        <Tabs<Since> label="Time window" value={since} set={setSince} values={[["1h", "1 h"], ["24h", "24 h"], ["7d", "7 d"]]} />
      </Head>
      {read.error && <Trouble error={read.error} again={read.again} />}
      {list.map((p) => (
        <article key={p.problem} class="card problem">
          <div class="between">
            <h2><code>{p.code}</code> <span class="note">{p.operation}</span></h2>
            <strong class="big">{number(p.count)}</strong>
          </div>
          {p.message && <p class="whole">{p.message}</p>}
          <p class="note">{number(p.last_hour)} in the last hour, {number(p.last_day)} in the last day · first <Time at={p.first_at} />, last <Time at={p.last_at} /></p>
          <div class="row">
            <Link class="button" to={queueUrl(filterOf(p))}>Show all</Link>
            <Link class="button" to={`/admin/items/${p.item_id}`}>Newest one</Link>
            {may("operate") && <button class="primary" onClick={() => retry(p)}>Retry group</button>}
          </div>
        </article>
      ))}
      {read.value?.more && <p class="note">Only the newest failures were grouped.</p>}
      {read.value && !list.length && (
        <Empty title={`Nothing has failed in the last ${since === "1h" ? "hour" : since === "24h" ? "24 hours" : "7 days"}`}>
          <p>Failures are gathered here by what went wrong, so that a hundred of one kind are one line. A wider window may show older ones.</p>
        </Empty>
      )}
    </>
  );
}
