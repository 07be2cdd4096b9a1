// Queue: items by status, a filter in the URL, pages without gaps, deeds on some or on all.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post, statuses, statusText, type Item } from "../api";
import { number, plural, short } from "../format";
import { complain, confirm, go, hear, may, place, queueUrl, say, stats } from "../state";
import { Badge, Empty, Head, Link, Meter, Time, Trouble, useRead } from "../ui";
import { bind } from "../keys";

interface Page { items: Item[]; next: string | null }
type Deed = "retry" | "cancel" | "delete";
const done: Record<Deed, string> = { retry: "queued again", cancel: "cancelled", delete: "deleted" };
const verbs: Record<Deed, string> = { retry: "Retry", cancel: "Cancel", delete: "Delete" };
const PAGE = 50;

const keys = ["operation:", "error:", "problem:", "document:", "owner:", "since:", "before:", ...statuses];

/** The word of the filter that says a status, if there is one. */
const statusIn = (filter: string) => statuses.find((s) => filter.split(/\s+/).some((w) => w === s || w === `status:${s}`));
const withoutStatus = (filter: string) =>
  filter.split(/\s+/).filter((w) => w && !(statuses as string[]).includes(w.replace(/^status:/, ""))).join(" ");

function FilterBar({ filter }: { filter: string }) {
  const [text, setText] = useState(filter);
  useEffect(() => setText(filter), [filter]);
  const words = text.split(/\s+/);
  const last = words[words.length - 1] ?? "";
  const names = (stats.value?.operations ?? []).map((o) => `operation:${o.name}`);
  const known = [...keys, ...names, "since:1h", "since:24h", "since:7d"];
  const before = text.slice(0, text.length - last.length);
  return (
    <form class="filter" role="search" onSubmit={(e) => { e.preventDefault(); go(queueUrl(text)); }}>
      <input
        id="filter" type="search" value={text} list="filter-words" autocomplete="off" spellcheck={false}
        aria-label="Filter items" placeholder="Filter: failed operation:process error:timeout since:2h   ( / )"
        onInput={(e) => setText(e.currentTarget.value)}
      />
      <datalist id="filter-words">{known.filter((k) => k.startsWith(last) && k !== last).map((k) => <option key={k} value={before + k} />)}</datalist>
      <button type="submit">Filter</button>
      {filter && <Link to="/admin/queue" class="button">Clear</Link>}
    </form>
  );
}

function What({ item }: { item: Item }) {
  if (item.status === "in_progress" && item.progress && item.progress.total > 0)
    return <span class="what"><Meter part={item.progress.done / item.progress.total} label="Progress" /><span class="note">{item.progress.stage} {number(item.progress.done)}/{number(item.progress.total)}</span></span>;
  if (item.status === "in_progress") return <span class="what note">{item.progress?.stage ?? "running"} on {item.lease?.worker ?? "a worker"}</span>;
  if (item.status === "pending") return <span class="what note">{item.error ? `${item.error.code}; ` : ""}{item.waiting ?? ""}</span>;
  if (item.error) return <span class="what"><code class="code">{item.error.code}</code> <span class="note">{item.error.message ?? ""}</span></span>;
  return <span class="what" />;
}

interface RowProps { item: Item; active: boolean; chosen: boolean; choose: (on: boolean) => void; canChange: boolean }
function Row({ item, active, chosen, choose, canChange }: RowProps) {
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => { if (active) row.current?.scrollIntoView({ block: "nearest" }); }, [active]);
  return (
    <tr ref={row} class={active ? "active" : ""} data-id={item.id}>
      {canChange && <td class="pick"><input type="checkbox" checked={chosen} aria-label={`Select ${item.filename ?? item.id}`} onChange={(e) => choose(e.currentTarget.checked)} /></td>}
      <td class="main"><Link to={`/admin/items/${item.id}`} class="title clip">{item.filename ?? short(item.id)}</Link></td>
      <td><Badge status={item.status} /></td>
      <td class="wide">{item.operation}</td>
      <td class="wide num">{item.attempts}/{item.max_attempts || "–"}</td>
      <td class="grow"><What item={item} /></td>
      <td class="num"><Time at={item.finished_at ?? item.started_at ?? item.created_at} /></td>
    </tr>
  );
}

export function Queue() {
  const filter = place.value.query.get("q") ?? "";
  const cursor = place.value.query.get("cursor") ?? "";
  const url = `/v1/items?limit=${PAGE}${filter ? `&q=${encodeURIComponent(filter)}` : ""}${cursor ? `&cursor=${cursor}` : ""}`;
  const page = useRead<Page>(url, () => get(url));
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [all, setAll] = useState<{ count: number; more: boolean } | null>(null);
  const [active, setActive] = useState(-1);
  const [fresh, setFresh] = useState(0);
  const items = page.value?.items ?? [];
  const latest = useRef({ items, chosen, cursor, active });
  latest.current = { items, chosen, cursor, active };
  const canChange = may("operate");
  const clear = () => { setChosen(new Set()); setAll(null); };

  useEffect(() => { clear(); setActive(-1); setFresh(0); }, [url]);

  useEffect(() => {
    let timer = 0;
    const stop = hear((id, item) => {
      const { items, chosen, cursor } = latest.current;
      const here = items.some((i) => i.id === id);
      if (here) {
        page.setValue((old) => old && { ...old, items: item ? old.items.map((i) => (i.id === id ? item : i)) : old.items.filter((i) => i.id !== id) });
        return;
      }
      if (cursor || chosen.size || scrollY > 120) { setFresh((n) => n + 1); return; }
      if (!timer) timer = window.setTimeout(() => { timer = 0; void page.again(); }, 700);
    });
    return () => { stop(); clearTimeout(timer); };
  }, [url]);

  async function one(deed: "retry" | "cancel", list: Item[]) {
    let count = 0;
    for (const item of list) {
      try {
        await post(`/v1/items/${item.id}/${deed}`);
        count++;
      } catch (e) {
        if (list.length === 1) complain(e);
      }
    }
    clear();
    if (count)
      say(`${plural(count, "item")} ${done[deed]}.`, deed === "cancel" ? { undo: () => void one("retry", list) } : {});
    else if (list.length > 1) complain(`None of the ${list.length} items could be ${done[deed]}: their state does not allow it.`);
    void page.again();
  }

  async function matching(deed: Deed) {
    if (!all) return;
    const many = `${all.more ? "at least " : ""}${plural(all.count, "item")}`;
    const which = deed === "cancel" ? "Items that are finished already stay as they are."
      : deed === "retry" ? "Only failed and cancelled items are queued again; their history is kept."
      : "Finished items and their history are removed for good; documents stay.";
    if (!(await confirm(`${verbs[deed]} ${many}?`, `Filter: ${filter}. ${which}`, `${verbs[deed]} ${many}`, deed !== "retry"))) return;
    try {
      const answer = await post<{ count: number }>(`/v1/items:${deed}`, { filter });
      say(`${plural(answer.count, "item")} ${done[deed]}.`);
      clear();
      void page.again();
    } catch (e) {
      complain(e);
    }
  }

  async function countAll() {
    try {
      setAll(await get(`/v1/items:count?q=${encodeURIComponent(filter)}`));
    } catch (e) {
      complain(e);
    }
  }

  const toggle = (id: string, on: boolean) => {
    setAll(null);
    setChosen((old) => { const next = new Set(old); if (on) next.add(id); else next.delete(id); return next; });
  };
  const move = (by: number) => setActive((a) => Math.max(0, Math.min(latest.current.items.length - 1, a + by)));
  const current = () => latest.current.items[latest.current.active];
  const targets = () => {
    const picked = latest.current.items.filter((i) => latest.current.chosen.has(i.id));
    const here = current();
    return picked.length ? picked : here ? [here] : [];
  };
  useEffect(() => bind({
    j: () => move(1),
    k: () => move(-1),
    x: () => { const i = current(); if (i && canChange) toggle(i.id, !latest.current.chosen.has(i.id)); },
    r: () => { if (canChange && targets().length) void one("retry", targets()); },
    c: () => { if (canChange && targets().length) void one("cancel", targets()); },
    Enter: () => { const i = current(); if (i) go(`/admin/items/${i.id}`); },
  }), [url, canChange]);

  const status = statusIn(filter);
  const rest = withoutStatus(filter);
  const s = stats.value;
  const everyone = items.length > 0 && items.every((i) => chosen.has(i.id));
  return (
    <>
      <Head title="Queue" />
      <nav class="statuses" aria-label="Status">
        <Link to={queueUrl(rest)} current={!status}>All</Link>
        {statuses.map((name) => (
          <Link key={name} to={queueUrl(`${name} ${rest}`)} current={status === name}>
            {statusText[name]} <span class="count">{s ? number(s[name]) : ""}</span>
          </Link>
        ))}
      </nav>
      <FilterBar filter={filter} />
      {fresh > 0 && <p class="fresh"><button onClick={() => { setFresh(0); clear(); if (cursor) go(queueUrl(filter)); else void page.again(); }}>{plural(fresh, "newer change")}: show</button></p>}
      {page.error && <Trouble error={page.error} again={page.again} />}
      {canChange && chosen.size > 0 && (
        <div class="bulk" role="region" aria-label="Selection">
          <span>{all ? <><b>{all.more ? "At least " : "All "}{number(all.count)}</b> that match are selected</> : <><b>{number(chosen.size)}</b> selected</>}</span>
          {!all && filter && everyone && (page.value?.next || cursor) && <button class="quiet" onClick={countAll}>Select all that match</button>}
          <span class="push" />
          <button onClick={() => (all ? matching("retry") : one("retry", targets()))}>Retry</button>
          <button onClick={() => (all ? matching("cancel") : one("cancel", targets()))}>Cancel</button>
          {all && <button class="danger" onClick={() => matching("delete")}>Delete</button>}
          <button class="quiet" onClick={clear}>Clear</button>
        </div>
      )}
      {items.length > 0 && (
        <div class="card flush">
          <table class="list">
            <caption class="hidden">Items, newest first</caption>
            <thead><tr>
              {canChange && <th class="pick"><input type="checkbox" aria-label="Select all on this page" checked={everyone} onChange={(e) => { setAll(null); setChosen(e.currentTarget.checked ? new Set(items.map((i) => i.id)) : new Set()); }} /></th>}
              <th>Document</th><th>Status</th><th class="wide">Operation</th><th class="wide num">Attempts</th><th class="grow">What</th><th class="num">When</th>
            </tr></thead>
            <tbody>{items.map((item, i) => <Row key={item.id} item={item} active={i === active} chosen={!!all || chosen.has(item.id)} choose={(on) => toggle(item.id, on)} canChange={canChange} />)}</tbody>
          </table>
        </div>
      )}
      {page.value && items.length === 0 && !page.error && (filter
        ? <Empty title="Nothing matches this filter"><p>There may still be items without it. <Link to="/admin/queue">Show all</Link>.</p>
            {page.value.next && <p>So far only a part was looked at. <Link to={`${queueUrl(filter)}&cursor=${page.value.next}`}>Look further back</Link>.</p>}</Empty>
        : <Empty title="The queue is empty"><p>An upload puts an item here. <Link to="/admin/documents">Upload documents</Link>.</p></Empty>)}
      {items.length > 0 && (page.value?.next || cursor) && (
        <nav class="pager" aria-label="Pages">
          {cursor && <button onClick={() => history.back()}>Newer</button>}
          {cursor && <Link to={queueUrl(filter)} class="button">Newest</Link>}
          <span class="push" />
          {page.value?.next && <Link class="button" to={`${filter ? queueUrl(filter) + "&" : "/admin/queue?"}cursor=${page.value.next}`}>Older</Link>}
        </nav>
      )}
    </>
  );
}
