// Workers, operations, retention, access: how the queue is run.
import { useState } from "preact/hooks";
import { get, post, remove, statuses, statusText, type Status, type Token, type Worker } from "../api";
import { number, plural, seconds } from "../format";
import { complain, confirm, may, now, queueUrl, say, session, stats } from "../state";
import { Copy, Empty, Head, Link, Time, Trouble, useRead } from "../ui";

export function Workers() {
  const read = useRead<{ workers: Worker[] }>("workers", () => get("/v1/workers"), 3000);
  const list = read.value?.workers ?? [];
  return (
    <>
      <Head title="Workers" note={list.length ? `${number(list.filter((w) => w.alive).length)} alive` : undefined} />
      {read.error && <Trouble error={read.error} again={read.again} />}
      {list.length > 0 && (
        <div class="card flush"><table class="list">
          <caption class="hidden">Workers</caption>
          <thead><tr><th>Name</th><th>State</th><th class="num">In progress</th><th class="wide">Where</th><th class="num wide">Since</th><th class="num">Seen</th></tr></thead>
          <tbody>{list.map((w) => (
            <tr key={w.id}>
              <td class="main grow"><span class="clip">{w.name}</span></td>
              <td><span class={w.alive ? "badge completed" : "badge failed"}><i aria-hidden="true" />{w.alive ? "Alive" : "Gone"}</span></td>
              <td class="num">{number(w.in_progress)}</td>
              <td class="wide note">{w.local ? `this host, process ${w.pid ?? "?"}` : "another host"}</td>
              <td class="num wide"><Time at={w.started_at} /></td>
              <td class="num"><Time at={w.seen_at} /></td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
      {read.value && !list.length && <Empty title="No worker has claimed anything yet"><p><code>docq serve</code> starts workers by itself (<code>--workers</code> says how many). More can run beside it:</p><pre>docq worker</pre></Empty>}
    </>
  );
}

export async function setQueue(pause: boolean, operation?: string) {
  try {
    await post(`/v1/queue/${pause ? "pause" : "resume"}`, operation ? { operation } : {});
    say(`${operation ? `The operation ${operation}` : "The queue"} ${pause ? "is paused. Items in progress go on." : "goes on."}`);
  } catch (e) {
    complain(e);
  }
}

export function Operations() {
  const s = stats.value;
  return (
    <>
      <Head title="Operations" note="What can be asked for, and by which rules it is tried again">
        {may("operate") && s && <button class={s.paused_at ? "primary" : ""} onClick={() => setQueue(!s.paused_at)}>{s.paused_at ? "Resume the queue" : "Pause the queue"}</button>}
      </Head>
      <div class="cards">
        {s?.operations.map((o) => (
          <article key={o.name} class="card">
            <div class="between"><h2>{o.name} <span class="note">{o.kind}</span></h2>
              {may("operate") && <button onClick={() => setQueue(!o.paused_at, o.name)} aria-label={`${o.paused_at ? "Resume" : "Pause"} ${o.name}`}>{o.paused_at ? "Resume" : "Pause"}</button>}</div>
            {o.paused_at && <p class="wrong">Paused <Time at={o.paused_at} /></p>}
            <dl class="pairs">
              {statuses.map((name) => <><dt><Link to={queueUrl(`${name} operation:${o.name}`)}>{statusText[name]}</Link></dt><dd>{number(o[name])}</dd></>)}
              <dt>Attempts</dt><dd>{o.max_attempts}, crashes {o.crash_budget}</dd>
              <dt>Backoff</dt><dd>{seconds(o.backoff_base_seconds)} × {o.backoff_factor}, up to {seconds(o.backoff_cap_seconds)}</dd>
              <dt>Time limit</dt><dd>{seconds(o.timeout_seconds)}</dd>
            </dl>
          </article>
        ))}
      </div>
    </>
  );
}

export function Retention() {
  const [days, setDays] = useState("30");
  const [status, setStatus] = useState<"" | Status>("");
  const [documents, setDocuments] = useState(false);
  const sound = /^\d{1,5}$/.test(days);
  const ask = { older: `${days}d`, ...(status ? { status } : {}), with_documents: documents };
  const preview = useRead<{ count: number } | null>(JSON.stringify(ask), () => (sound ? post("/v1/queue/purge", { ...ask, dry_run: true }) : Promise.resolve(null)));
  const count = sound ? preview.value?.count : undefined;
  async function purge() {
    if (!count || !(await confirm(`Delete ${plural(count, "item")}?`, `Items that ended more than ${plural(Number(days), "day")} ago go, with their history${documents ? ", and documents with their last item" : "; documents stay"}. There is no way back.`, `Delete ${plural(count, "item")}`, true))) return;
    try {
      const answer = await post<{ count: number }>("/v1/queue/purge", ask);
      say(`${plural(answer.count, "item")} deleted.`);
      void preview.again();
    } catch (e) {
      complain(e);
    }
  }
  return (
    <>
      <Head title="Retention" note="Clear old finished items; what is pending or running is never touched" />
      <section class="card form">
        <label>Ended more than <span class="unit"><input type="number" min="0" max="99999" value={days} onInput={(e) => setDays(e.currentTarget.value)} /> days ago</span></label>
        <label>Status <select value={status} onChange={(e) => setStatus(e.currentTarget.value as Status)}>
          <option value="">Completed, failed and cancelled</option><option value="completed">Completed</option><option value="failed">Failed</option><option value="cancelled">Cancelled</option>
        </select></label>
        <label class="check"><input type="checkbox" checked={documents} onChange={(e) => setDocuments(e.currentTarget.checked)} /> Documents go with their last item</label>
        {preview.error && <Trouble error={preview.error} />}
        <p aria-live="polite">{!sound ? <span class="wrong">Say a whole number of days.</span> : count === undefined ? "Counting…" : count === 0 ? "Nothing would go." : <><b>{number(count)}{count >= 100000 ? " or more" : ""}</b> {count === 1 ? "item" : "items"} would go.</>}</p>
        {may("operate") && <div class="row"><button class="danger" disabled={!count} onClick={purge}>{count ? `Delete ${plural(count, "item")}` : "Delete"}</button></div>}
        <p class="note">For cron: <code>docq purge --older {sound ? days : "30"}d{status ? ` --status ${status}` : ""}</code></p>
      </section>
    </>
  );
}

const scopes: [string, string][] = [
  ["upload", "upload documents and enqueue"],
  ["read", "see documents, items and numbers"],
  ["work", "lease items and report results"],
  ["operate", "retry, cancel, delete, pause, purge"],
  ["admin", "everything, tokens included"],
];

const stateOf = (t: Token) => (t.revoked_at ? "revoked" : t.expires_at && Date.parse(t.expires_at) <= now.value ? "expired" : "live");

export function Access() {
  const read = useRead<{ tokens: Token[] }>("tokens", () => get("/v1/tokens"));
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<string[]>(["read"]);
  const [days, setDays] = useState("");
  const [secret, setSecret] = useState("");
  const list = [...(read.value?.tokens ?? [])].reverse();
  const local = !!session.value?.local;
  async function make(e: Event) {
    e.preventDefault();
    try {
      const expires_at = days ? new Date(Date.now() + Number(days) * 86400000).toISOString() : null;
      const answer = await post<{ token: string }>("/v1/tokens", { name, scopes: chosen, expires_at });
      setSecret(answer.token);
      setName("");
      void read.again();
    } catch (e) {
      complain(e);
    }
  }
  async function revoke(t: Token) {
    if (!(await confirm(`Revoke ${t.name || t.id}?`, "Whoever uses it is refused from the next request on.", "Revoke", true))) return;
    try {
      await remove(`/v1/tokens/${t.id}`);
      say("The token is revoked.");
      void read.again();
    } catch (e) {
      complain(e);
    }
  }
  return (
    <>
      <Head title="Access" note={local ? "Open to this machine only" : "Tokens and what each may do"} />
      {read.error && <Trouble error={read.error} again={read.again} />}
      {secret && (
        <div class="callout good" role="status">
          <p><b>Keep this secret now. It is not shown again.</b></p>
          <p class="row"><code class="secret">{secret}</code> <Copy text={secret} label="secret" /></p>
          <button class="quiet small" onClick={() => setSecret("")}>I have it</button>
        </div>
      )}
      {local && (
        <section class="card">
          <h2>No token exists yet</h2>
          <p>Everybody on this machine is admin, and nobody else gets in. The first token is made on the server, so that nobody can lock you out from a browser:</p>
          <pre class="command">docq token new --scope admin --name me</pre>
          <p>From then on everybody needs a token, this page too. <code>docq token login</code> prints a link that logs you in.</p>
        </section>
      )}
      {!local && <form class="card form" onSubmit={make}>
        <h2>New token</h2>
        <label>Name <input value={name} maxLength={128} placeholder="what it is for" onInput={(e) => setName(e.currentTarget.value)} /></label>
        <fieldset><legend>It may</legend>
          {scopes.map(([scope, text]) => (
            <label key={scope} class="check"><input type="checkbox" checked={chosen.includes(scope)} onChange={(e) => setChosen(e.currentTarget.checked ? [...chosen, scope] : chosen.filter((s) => s !== scope))} /> <b>{scope}</b> <span class="note">{text}</span></label>
          ))}
        </fieldset>
        <label>Days until it expires <input type="number" min="1" max="3650" value={days} placeholder="never" onInput={(e) => setDays(e.currentTarget.value)} /></label>
        <div class="row"><button class="primary" disabled={!chosen.length}>Make token</button></div>
      </form>}
      {list.length > 0 && (
        <div class="card flush"><table class="list">
          <caption class="hidden">Tokens, newest first</caption>
          <thead><tr><th>Name</th><th>State</th><th class="wide">May</th><th class="num wide">Made</th><th class="num">Expires</th><th class="num"><span class="hidden">Actions</span></th></tr></thead>
          <tbody>{list.map((t) => (
            <tr key={t.id}>
              <td class="main grow"><span class="clip">{t.name || <code>{t.id}</code>}</span></td>
              <td><span class={`badge ${stateOf(t) === "live" ? "completed" : "cancelled"}`}><i aria-hidden="true" />{stateOf(t)}</span></td>
              <td class="wide note">{t.name === "login link" ? "one login" : t.scopes.join(", ")}</td>
              <td class="num wide"><Time at={t.created_at} /></td>
              <td class="num"><Time at={t.expires_at} /></td>
              <td class="num">{stateOf(t) === "live" && <button class="quiet small" onClick={() => revoke(t)} aria-label={`Revoke ${t.name || t.id}`}>Revoke</button>}</td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
    </>
  );
}
