// The frame: navigation, keys, the command palette, and the page that the address asks for.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { remove, statuses, statusText } from "./api";
import { number } from "./format";
import { bind } from "./keys";
import { complain, go, line, may, now, paused, place, queueUrl, readSession, session, setPaused, stats, theme, zone, type Line } from "./state";
import { Asking, Head, Link, Modal, Time, Toasts, Trouble } from "./ui";
import { DocumentPage, Documents, send } from "./pages/documents";
import { ItemPage } from "./pages/item";
import { Login } from "./pages/login";
import { Access, Operations, Retention, setQueue, Workers } from "./pages/manage";
import { Overview } from "./pages/overview";
import { Problems } from "./pages/problems";
import { Queue } from "./pages/queue";
import "./style.css";

interface Entry { page: string; name: string; key: string; icon: string; scope: string }
const entries: Entry[] = [
  { page: "overview", name: "Overview", key: "o", icon: "M4 13h6V4H4zM14 20h6V4h-6zM4 20h6v-3H4z", scope: "read" },
  { page: "queue", name: "Queue", key: "q", icon: "M4 6h16M4 12h16M4 18h10", scope: "read" },
  { page: "documents", name: "Documents", key: "d", icon: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6", scope: "read" },
  { page: "problems", name: "Problems", key: "p", icon: "M12 3l9 17H3zM12 10v4M12 17v.5", scope: "read" },
  { page: "workers", name: "Workers", key: "w", icon: "M4 5h16v6H4zM4 13h16v6H4zM8 8h.5M8 16h.5", scope: "read" },
  { page: "operations", name: "Operations", key: "s", icon: "M5 4v16M5 9h0M12 4v16M19 4v16M3 9h4M10 15h4M17 7h4", scope: "read" },
  { page: "retention", name: "Retention", key: "r", icon: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13", scope: "operate" },
  { page: "access", name: "Access", key: "a", icon: "M14 10a4 4 0 1 1-4-4 4 4 0 0 1 4 4zM13 13l7 7M17 17l2-2", scope: "admin" },
];
const path = (page: string) => (page === "overview" ? "/admin/" : `/admin/${page}`);
const parents: Record<string, string> = { items: "queue" };

function Nav() {
  const here = parents[place.value.page] ?? place.value.page;
  const s = stats.value;
  const counts: Record<string, number> = s ? { queue: s.pending + s.in_progress, problems: s.failed } : {};
  return (
    <nav class="nav" aria-label="Main">
      {entries.filter((e) => may(e.scope)).map((e) => (
        <Link key={e.page} to={path(e.page)} current={here === e.page}>
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d={e.icon} /></svg>
          <span>{e.name}</span>
          {counts[e.page] ? <span class="count">{number(counts[e.page]!)}</span> : null}
        </Link>
      ))}
    </nav>
  );
}

const lineText: Record<Line, string> = { on: "Live", off: "No connection", paused: "Paused", connecting: "Connecting" };

function Foot({ help, palette }: { help: () => void; palette: () => void }) {
  const next = { system: "light", light: "dark", dark: "system" } as const;
  return (
    <div class="foot">
      <button class={`live ${line.value}`} onClick={() => setPaused(!paused.value)} aria-pressed={paused.value} title={paused.value ? "Go on with live updates (l)" : "Pause live updates (l)"}><i aria-hidden="true" /><span>{lineText[line.value]}</span></button>
      <button class="quiet small" onClick={() => (theme.value = next[theme.value])} aria-label={`${theme.value === "system" ? "Auto" : theme.value === "light" ? "Light" : "Dark"}: theme`} title="Theme (t)">{theme.value === "system" ? "Auto" : theme.value === "light" ? "Light" : "Dark"}</button>
      <button class="quiet small" onClick={() => (zone.value = zone.value === "utc" ? "local" : "utc")} aria-label={`${zone.value === "utc" ? "UTC" : "Local"}: times`} title="Local time or UTC (u)">{zone.value === "utc" ? "UTC" : "Local"}</button>
      <button class="quiet small" onClick={palette} title="Commands (Ctrl K)" aria-label="⌘K: commands">⌘K</button>
      <button class="quiet small" onClick={help} title="Keys (?)" aria-label="? Keyboard help">?</button>
      {session.value && !session.value.local && (
        <button class="quiet small" onClick={() => remove("/v1/session").then(readSession, complain)}>Log out</button>
      )}
    </div>
  );
}

const keyHelp: [string, string][] = [
  ["/", "filter the queue"], ["Ctrl K", "commands"], ["g o", "overview"], ["g q", "queue"], ["g d", "documents"], ["g p", "problems"],
  ["g w", "workers"], ["g s", "operations"], ["j  k", "next, previous row"], ["x", "select the row"], ["Enter", "open the row"],
  ["r", "retry"], ["c", "cancel"], ["l", "pause live updates"], ["t", "theme"], ["u", "local time or UTC"], ["?", "this help"],
];

const Help = ({ close }: { close: () => void }) => (
  <Modal title="Keys" close={close}>
    <h2>Keys</h2>
    <dl class="keys">{keyHelp.map(([key, text]) => <><dt><kbd>{key}</kbd></dt><dd>{text}</dd></>)}</dl>
    <div class="row end"><button autofocus onClick={close}>Close</button></div>
  </Modal>
);

function commands(): [string, () => void][] {
  const s = stats.value;
  return [
    ...entries.filter((e) => may(e.scope)).map((e): [string, () => void] => [`Go to ${e.name}`, () => go(path(e.page))]),
    ...statuses.map((n): [string, () => void] => [`Show ${statusText[n].toLowerCase()} items`, () => go(queueUrl(n))]),
    ...(s?.operations ?? []).map((o): [string, () => void] => [`Show items of ${o.name}`, () => go(queueUrl(`operation:${o.name}`))]),
    ...(may("operate") && s ? [[s.paused_at ? "Resume the queue" : "Pause the queue", () => void setQueue(!s.paused_at)] as [string, () => void]] : []),
    [paused.value ? "Go on with live updates" : "Pause live updates", () => setPaused(!paused.value)],
    ["Theme: light", () => (theme.value = "light")],
    ["Theme: dark", () => (theme.value = "dark")],
    ["Theme: as the system", () => (theme.value = "system")],
    [zone.value === "utc" ? "Times in local time" : "Times in UTC", () => (zone.value = zone.value === "utc" ? "local" : "utc")],
  ];
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function Palette({ close }: { close: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = commands().filter(([name]) => text.toLowerCase().split(/\s+/).every((w) => name.toLowerCase().includes(w)));
  if (uuid.test(text.trim()))
    list.unshift([`Open item ${text.trim()}`, () => go(`/admin/items/${text.trim()}`)], [`Open document ${text.trim()}`, () => go(`/admin/documents/${text.trim()}`)]);
  else if (text.trim()) list.push([`Filter the queue: ${text.trim()}`, () => go(queueUrl(text))]);
  const run = (i: number) => { const entry = list[i]; close(); entry?.[1](); };
  return (
    <Modal title="Commands" close={close} class="palette">
      <input
        autofocus role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={`command-${at}`} aria-label="Command, id or filter"
        placeholder="A command, an id, or a filter" value={text} autocomplete="off" spellcheck={false}
        onInput={(e) => { setText(e.currentTarget.value); setAt(0); }}
        onKeyDown={(e) => {
          if (e.key === "ArrowDown") { e.preventDefault(); setAt(Math.min(list.length - 1, at + 1)); }
          if (e.key === "ArrowUp") { e.preventDefault(); setAt(Math.max(0, at - 1)); }
          if (e.key === "Enter") { e.preventDefault(); run(at); }
        }}
      />
      <ul id="palette-list" role="listbox" aria-label="Commands">
        {list.slice(0, 12).map(([name], i) => <li key={name} id={`command-${i}`} role="option" aria-selected={i === at} onMouseMove={() => setAt(i)} onClick={() => run(i)}>{name}</li>)}
      </ul>
    </Modal>
  );
}

function Page() {
  const { page, id } = place.value;
  switch (page) {
    case "overview": return <Overview />;
    case "queue": return <Queue />;
    case "items": return <ItemPage key={id} id={id} />;
    case "documents": return id ? <DocumentPage key={id} id={id} /> : <Documents />;
    case "problems": return <Problems />;
    case "workers": return <Workers />;
    case "operations": return <Operations />;
    case "retention": return <Retention />;
    case "access": return <Access />;
    case "login": go("/admin/", true); return null;
    default: return <><Head title="There is no such page" /><p>The address leads nowhere. <Link to="/admin/">To the overview</Link>.</p></>;
  }
}

/** Says the counts now and then, for those who listen to the page. */
function Announcer() {
  const [text, setText] = useState("");
  const said = useRef(0);
  useEffect(() => {
    const s = stats.value;
    if (!s || now.value - said.current < 30000) return;
    said.current = now.value;
    setText(`${number(s.pending)} pending, ${number(s.in_progress)} in progress, ${number(s.failed)} failed`);
  }, [now.value]);
  return <p class="hidden" role="status" aria-live="polite">{text}</p>;
}

function App() {
  const [help, setHelp] = useState(false);
  const [palette, setPalette] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const start = () => readSession().then(() => setError(null), setError);
  useEffect(() => void start(), []);
  useEffect(() => bind({
    ...Object.fromEntries(entries.map((e) => [`g ${e.key}`, () => { if (may(e.scope)) go(path(e.page)); }])),
    "/": () => { if (place.value.page !== "queue") go("/admin/queue"); setTimeout(() => document.getElementById("filter")?.focus(), 0); },
    "?": () => setHelp(true),
    palette: () => setPalette(true),
    l: () => setPaused(!paused.value),
    t: () => (theme.value = theme.value === "dark" ? "light" : "dark"),
    u: () => (zone.value = zone.value === "utc" ? "local" : "utc"),
  }), []);
  useEffect(() => {
    const drop = (e: DragEvent) => { if (place.value.page !== "documents" && e.dataTransfer?.files.length && may("upload")) { e.preventDefault(); send(e.dataTransfer.files); go("/admin/documents"); } };
    const over = (e: DragEvent) => { if (e.dataTransfer?.types.includes("Files")) e.preventDefault(); };
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    return () => { removeEventListener("dragover", over); removeEventListener("drop", drop); };
  }, []);
  if (error && !session.value) return <main class="login"><Trouble error={error} again={start} /></main>;
  if (!session.value) return null;
  if (!session.value.role) return <Login />;
  const s = stats.value;
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <div class="frame">
        <aside class="side">
          <Link to="/admin/" class="brand" label="docq: overview"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M9 9h14M9 16h14M9 23h8" /></svg><span>docq</span></Link>
          <Nav />
          <Foot help={() => setHelp(true)} palette={() => setPalette(true)} />
        </aside>
        <main id="main" tabIndex={-1}>
          {s?.paused_at && (
            <div class="callout warn" role="status"><p><b>The queue is paused</b> since <Time at={s.paused_at} />. Nothing new is handed out.</p>{may("operate") && <button onClick={() => setQueue(false)}>Resume</button>}</div>
          )}
          {line.value === "off" && <div class="callout warn" role="status"><p>No connection to the server. What you see may be old; it is tried again by itself.</p></div>}
          <Page />
        </main>
      </div>
      {help && <Help close={() => setHelp(false)} />}
      {palette && <Palette close={() => setPalette(false)} />}
      <Asking />
      <Toasts />
      <Announcer />
    </>
  );
}

render(<App />, document.getElementById("app")!);
