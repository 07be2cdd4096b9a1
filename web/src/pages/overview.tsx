// Overview: how is the queue, and is it moving?
import { useState } from "preact/hooks";
import { get, statuses, statusText, type History, type Worker } from "../api";
import { number, plural, seconds } from "../format";
import { may, queueUrl, stats } from "../state";
import { Chart, Empty, Head, Link, Meter, Tabs, Trouble, useRead } from "../ui";

type Span = "1h" | "72h" | "90d";

function Tile(props: { to: string; name: string; value: string; note?: string; tone?: string }) {
  return (
    <Link to={props.to} class={`tile ${props.tone ?? ""}`}>
      <span class="name">{props.name}</span>
      <strong>{props.value}</strong>
      <span class="note">{props.note ?? ""}</span>
    </Link>
  );
}

function Busy({ workers }: { workers: Worker[] }) {
  const alive = workers.filter((w) => w.alive);
  if (!alive.length)
    return <p class="note">No worker is connected. <code>docq serve</code> starts some by itself; <code>docq worker</code> adds one.</p>;
  return (
    <ul class="plain">
      {alive.slice(0, 6).map((w) => (
        <li key={w.id} class="between"><span class="clip">{w.name}</span><span class="note">{w.in_progress ? plural(w.in_progress, "item") : "idle"}</span></li>
      ))}
      {alive.length > 6 && <li><Link to="/admin/workers">{plural(alive.length - 6, "more worker")}</Link></li>}
    </ul>
  );
}

export function Overview() {
  const [span, setSpan] = useState<Span>("1h");
  const history = useRead<History>(span, () => get(`/v1/queue/history?span=${span}`), 10000);
  const workers = useRead<{ workers: Worker[] }>("workers", () => get("/v1/workers"), 5000);
  const s = stats.value;
  const h = history.value;
  const all = s ? statuses.reduce((sum, name) => sum + s[name], 0) : 0;
  return (
    <>
      <Head title="Overview" note={s && `${plural(s.documents, "document")}, ${plural(all, "item")}`}>
        {may("upload") && <Link to="/admin/documents" class="button primary">Upload documents</Link>}
      </Head>
      <section class="tiles" aria-label="Items by status">
        {statuses.map((name) => (
          <Tile key={name} to={queueUrl(name)} name={statusText[name]} tone={name} value={s ? number(s[name]) : "…"}
            note={s && name === "pending" ? `${number(s.due)} due now` : s && name === "in_progress" ? plural(s.workers, "worker") : ""} />
        ))}
      </section>
      {s && all === 0 && (
        <Empty title="Nothing has been queued yet">
          <p>Drop files anywhere on the <Link to="/admin/documents">Documents</Link> page, or send one from a terminal:</p>
          <pre>curl -F file=@letter.pdf {location.origin}/v1/documents</pre>
        </Empty>
      )}
      <section class="card">
        <div class="between">
          <h2>Throughput</h2>
          <Tabs<Span> label="Time span" value={span} set={setSpan} values={[["1h", "1 h"], ["72h", "72 h"], ["90d", "90 d"]]} />
        </div>
        {history.error && <Trouble error={history.error} again={history.again} />}
        {h ? <Chart points={h.points} days={span === "90d"} /> : <div class="chart blank" />}
      </section>
      <div class="columns">
        <section class="card">
          <h2>Waiting and running</h2>
          <dl class="pairs">
            <dt>Oldest due item waits</dt><dd>{s ? (s.oldest_due_age_seconds ? seconds(s.oldest_due_age_seconds) : "nothing waits") : "…"}</dd>
            <dt>Wait, half / 95 %</dt><dd>{h && h.wait_seconds.count ? `${seconds(h.wait_seconds.p50)} / ${seconds(h.wait_seconds.p95)}` : "–"}</dd>
            <dt>Run, half / 95 %</dt><dd>{h && h.run_seconds.count ? `${seconds(h.run_seconds.p50)} / ${seconds(h.run_seconds.p95)}` : "–"}</dd>
            <dt>Last full minute</dt><dd>{s ? `${number(s.completed_per_minute)} done, ${number(s.failed_per_minute)} failed` : "…"}</dd>
          </dl>
          {h && h.wait_seconds.count > 0 && <p class="note">Times are of the {plural(h.wait_seconds.count, "item")} that finished last.</p>}
        </section>
        <section class="card">
          <div class="between"><h2>Workers</h2><Link to="/admin/workers">All</Link></div>
          {workers.value && <Busy workers={workers.value.workers} />}
        </section>
        <section class="card">
          <div class="between"><h2>Operations</h2><Link to="/admin/operations">All</Link></div>
          <ul class="plain">
            {s?.operations.map((o) => {
              const total = statuses.reduce((sum, name) => sum + o[name], 0);
              const done = total - o.pending - o.in_progress;
              return (
                <li key={o.name}>
                  <div class="between"><Link to={queueUrl(`operation:${o.name}`)}>{o.name}</Link><span class="note">{o.paused_at ? "paused" : `${number(o.pending + o.in_progress)} open`}</span></div>
                  <Meter part={total ? done / total : 0} label={`${o.name}: finished part`} />
                </li>
              );
            })}
          </ul>
        </section>
      </div>
    </>
  );
}
