// One item: why it is where it is, and everything that was tried.
import { useEffect } from "preact/hooks";
import { get, post, type Attempt, type Item } from "../api";
import { bytes, number, seconds, short } from "../format";
import { complain, hear, may, now, queueUrl, say } from "../state";
import { Badge, Copy, Head, Link, Meter, Time, Trouble, useRead } from "../ui";
import { bind } from "../keys";

const outcomes: Record<string, [string, string]> = {
  completed: ["Completed", "completed"],
  retried: ["Failed, will be retried", "pending"],
  failed: ["Failed", "failed"],
  released: ["Handed back, not charged", "cancelled"],
  lost: ["Lost: the worker died or fell silent", "failed"],
  cancelled: ["Cancelled", "cancelled"],
  superseded: ["Superseded by a newer item", "cancelled"],
  in_progress: ["Running", "in_progress"],
};

function Try({ attempt, longest }: { attempt: Attempt; longest: number }) {
  const [text, tone] = outcomes[attempt.outcome] ?? [attempt.outcome, "cancelled"];
  const running = attempt.outcome === "in_progress" && attempt.started_at;
  const length = attempt.duration_seconds ?? (running ? Math.max(0, (now.value - Date.parse(attempt.started_at!)) / 1000) : null);
  return (
    <li class={`try ${tone}`}>
      <div class="between"><b>Attempt {attempt.number}: {text}</b><Time at={attempt.ended_at ?? attempt.started_at} whole /></div>
      <p class="note">
        {attempt.worker && <>on {attempt.worker}</>}
        {length !== null && <> · {seconds(length)}</>}
        {attempt.peak_memory_bytes ? <> · {bytes(attempt.peak_memory_bytes)} at most</> : null}
        {attempt.signal ? <> · ended by signal {attempt.signal}</> : null}
        {attempt.limit ? <> · limit hit: {attempt.limit}</> : null}
      </p>
      {length !== null && longest > 0 && <Meter part={length / longest} label={`Attempt ${attempt.number}: share of the longest`} />}
      {attempt.error && <pre class="error"><b>{attempt.error.code}</b>{attempt.error.message ? `\n${attempt.error.message}` : ""}</pre>}
    </li>
  );
}

export function ItemPage({ id }: { id: string }) {
  const read = useRead<Item>(id, () => get(`/v1/items/${encodeURIComponent(id)}`));
  const item = read.value;
  useEffect(() => hear((changed) => { if (changed === id) void read.again(); }), [id]);
  async function act(deed: "retry" | "cancel") {
    try {
      await post(`/v1/items/${id}/${deed}`);
      say(deed === "retry" ? "The item is queued again." : "The item is cancelled.", deed === "cancel" ? { undo: () => void act("retry") } : {});
      void read.again();
    } catch (e) {
      complain(e);
    }
  }
  const open = item && (item.status === "pending" || item.status === "in_progress");
  const again = item && (item.status === "failed" || item.status === "cancelled");
  useEffect(() => bind({ r: () => { if (again && may("operate")) void act("retry"); }, c: () => { if (open && may("operate")) void act("cancel"); } }), [id, open, again]);
  if (read.error) return <><Head title="Item" /><Trouble error={read.error} again={read.again} /></>;
  if (!item) return <Head title="Item" note="Reading…" />;
  const history = item.history ?? [];
  const longest = Math.max(0, ...history.map((a) => a.duration_seconds ?? 0));
  return (
    <>
      <Head title={item.filename ?? "Item"} note={<><Badge status={item.status} /> {item.operation}</>}>
        <Link to={`/admin/documents/${item.document_id}`} class="button">Document</Link>
        {may("operate") && again && <button class="primary" onClick={() => act("retry")}>Retry</button>}
        {may("operate") && open && <button class="danger" onClick={() => act("cancel")}>Cancel</button>}
      </Head>
      {item.waiting && <div class="callout"><p><b>Why is it waiting?</b> {sentence(item.waiting)}</p></div>}
      {item.status === "in_progress" && (
        <div class="callout">
          <p><b>{item.progress ? item.progress.stage : "Running"}</b>{item.progress && item.progress.total > 0 && <> {number(item.progress.done)} of {number(item.progress.total)}</>} on {item.lease?.worker ?? "a worker"}; its lease ends <Time at={item.lease?.expires_at ?? null} />.</p>
          {item.progress && item.progress.total > 0 && <Meter part={item.progress.done / item.progress.total} label="Progress" />}
        </div>
      )}
      {item.error && item.status !== "completed" && (
        <div class={item.status === "failed" ? "callout bad" : "callout"}>
          <p><b>{item.error.code}</b>{item.error.message && <>: <span class="whole">{item.error.message}</span></>}</p>
          <p class="note">{item.error.retryable ? "Another attempt may help." : "This kind of failure is not tried again by itself."} <Link to={queueUrl(`failed error:${item.error.code}`)}>Others with this error</Link></p>
        </div>
      )}
      <div class="columns two">
        <section class="card">
          <h2>Timeline</h2>
          <ol class="timeline">
            <li class="try"><div class="between"><b>Enqueued</b><Time at={item.created_at} whole /></div></li>
            {history.map((a) => <Try key={a.number} attempt={a} longest={longest} />)}
            {item.status === "pending" && <li class="try pending"><div class="between"><b>{history.length ? "Next attempt" : "Due"}</b><Time at={item.due_at} whole /></div></li>}
          </ol>
        </section>
        <section class="card">
          <h2>Facts</h2>
          <dl class="pairs">
            <dt>Item</dt><dd><code>{short(item.id)}</code> <Copy text={item.id} label="item id" /></dd>
            <dt>Document</dt><dd><Link to={`/admin/documents/${item.document_id}`}><code>{short(item.document_id)}</code></Link></dd>
            <dt>Priority</dt><dd>{item.priority}</dd>
            <dt>Attempts</dt><dd>{item.attempts} of {item.max_attempts}</dd>
            <dt>Crashes</dt><dd>{item.crashes}</dd>
            <dt>Started</dt><dd><Time at={item.started_at} /></dd>
            <dt>Finished</dt><dd><Time at={item.finished_at} /></dd>
            {item.superseded_by && <><dt>Superseded by</dt><dd><Link to={`/admin/items/${item.superseded_by}`}><code>{short(item.superseded_by)}</code></Link></dd></>}
          </dl>
        </section>
      </div>
    </>
  );
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1) + ".";
