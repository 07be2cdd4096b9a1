// The parts that pages are made of.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { statusText, type Point, type Status } from "./api";
import { ago, clock, exact, number } from "./format";
import { complain, dismiss, go, question, renewed, say, toasts } from "./state";

export function Link(props: { to: string; class?: string; children: ComponentChildren; label?: string; current?: boolean }) {
  return (
    <a
      href={props.to}
      class={props.class}
      aria-label={props.label}
      aria-current={props.current ? "page" : undefined}
      onClick={(e) => {
        if (e.metaKey || e.ctrlKey || e.shiftKey || e.button !== 0) return;
        e.preventDefault();
        go(props.to);
      }}
    >
      {props.children}
    </a>
  );
}

export const Badge = ({ status }: { status: Status }) => (
  <span class={`badge ${status}`}><i aria-hidden="true" />{statusText[status] ?? status}</span>
);

export const Time = ({ at, whole }: { at: string | null; whole?: boolean }) =>
  at ? <time dateTime={at} title={whole ? ago(at) : exact(at)}>{whole ? exact(at) : ago(at)}</time> : <span class="faint">–</span>;

/** Reads at once, when `key` changes, and when the server says that all is to be read anew. */
export function useRead<T>(key: string, read: () => Promise<T>, every = 0) {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [loading, setLoading] = useState(true);
  const turn = useRef(0);
  const again = async () => {
    const mine = ++turn.current;
    try {
      const fresh = await read();
      if (mine !== turn.current) return;
      setValue(fresh);
      setError(null);
    } catch (e) {
      if (mine === turn.current) setError(e as Error);
    }
    if (mine === turn.current) setLoading(false);
  };
  const latest = useRef(again);
  latest.current = again;
  const generation = renewed.value;
  useEffect(() => {
    setLoading(true);
    void latest.current();
  }, [key, generation]);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => !document.hidden && void latest.current(), every);
    return () => clearInterval(timer);
  }, [every]);
  return { value, setValue, error, loading, again: () => latest.current() };
}

export function Head(props: { title: string; note?: ComponentChildren; children?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${props.title} · docq`;
  }, [props.title]);
  return (
    <header class="head">
      <div>
        <h1 tabIndex={-1}>{props.title}</h1>
        {props.note && <p class="note">{props.note}</p>}
      </div>
      <div class="actions">{props.children}</div>
    </header>
  );
}

export const Trouble = ({ error, again }: { error: Error; again?: () => void }) => (
  <div class="callout bad" role="alert">
    <p>{error.message}</p>
    {again && <button onClick={again}>Try again</button>}
  </div>
);

export const Empty = (props: { title: string; children: ComponentChildren }) => (
  <div class="empty"><svg viewBox="0 0 48 48" aria-hidden="true"><path d="M12 10h24v28H12zM18 18h12M18 24h12M18 30h7" /></svg><h2>{props.title}</h2>{props.children}</div>
);

export const Copy = ({ text, label }: { text: string; label: string }) => (
  <button
    class="quiet small"
    aria-label={`Copy ${label}`}
    onClick={async () => {
      try {
        await navigator.clipboard.writeText(text);
        say(`Copied ${label}.`);
      } catch {
        complain("The browser does not allow copying here; select the text instead.");
      }
    }}
  >
    Copy
  </button>
);

export const Meter = (props: { part: number; label: string }) => (
  <span class="meter" role="progressbar" aria-label={props.label} aria-valuenow={Math.round(props.part * 100)} aria-valuemin={0} aria-valuemax={100}>
    <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width={props.part > 0 ? Math.max(1, Math.min(100, props.part * 100)) : 0} height="4" /></svg>
  </span>
);

export function Tabs<T extends string>(props: { label: string; value: T; values: [T, ComponentChildren][]; set: (value: T) => void }) {
  return (
    <div class="tabs" role="group" aria-label={props.label}>
      {props.values.map(([value, text]) => (
        <button key={value} aria-pressed={value === props.value} onClick={() => props.set(value)}>{text}</button>
      ))}
    </div>
  );
}

/** Bars of what ended, a line of what came in. */
export function Chart({ points, days }: { points: Point[]; days: boolean }) {
  const [over, setOver] = useState(-1);
  const width = 720, height = 160, low = height - 1;
  const top = Math.max(4, ...points.map((p) => Math.max(p.enqueued, p.completed + p.failed))) * 1.1;
  const step = width / points.length;
  const y = (n: number) => low - (n / top) * (low - 6);
  const line = points.map((p, i) => `${i ? "L" : "M"}${((i + 0.5) * step).toFixed(1)} ${y(p.enqueued).toFixed(1)}`).join("");
  const at = points[over];
  const sum = points.reduce((s, p) => ({ e: s.e + p.enqueued, c: s.c + p.completed, f: s.f + p.failed }), { e: 0, c: 0, f: 0 });
  const first = points[0], last = points[points.length - 1];
  return (
    <figure class="chart">
      <figcaption>
        <span class="key completed">Completed <b>{number(at ? at.completed : sum.c)}</b></span>
        <span class="key failed">Failed <b>{number(at ? at.failed : sum.f)}</b></span>
        <span class="key enqueued">Enqueued <b>{number(at ? at.enqueued : sum.e)}</b></span>
        <span class="when">{at ? exact(at.at) : "in all"}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img"
        aria-label={`${number(sum.c)} completed, ${number(sum.f)} failed, ${number(sum.e)} enqueued`}
        onMouseLeave={() => setOver(-1)}
        onMouseMove={(e) => {
          const box = e.currentTarget.getBoundingClientRect();
          setOver(Math.min(points.length - 1, Math.floor(((e.clientX - box.left) / box.width) * points.length)));
        }}
      >
        {[0.25, 0.5, 0.75].map((part) => <path key={part} class="grid" d={`M0 ${low * part}H${width}`} />)}
        {over >= 0 && <rect class="over" x={over * step} y="0" width={step} height={height} />}
        {points.map((p, i) => {
          const done = y(p.completed), failed = y(p.completed + p.failed);
          const x = i * step + step * 0.15, w = step * 0.7;
          return (
            <g key={p.at}>
              {p.completed > 0 && <rect class="completed" x={x} y={done} width={w} height={low - done} />}
              {p.failed > 0 && <rect class="failed" x={x} y={failed} width={w} height={done - failed} />}
            </g>
          );
        })}
        <path class="enqueued" d={line} />
        <path class="base" d={`M0 ${low}H${width}`} />
      </svg>
      <div class="axis" aria-hidden="true">
        <span>{first && clock(first.at, days)}</span>
        <span>{last && clock(last.at, days)}</span>
      </div>
    </figure>
  );
}

export function Modal(props: { title: string; close: () => void; class?: string; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = box.current;
    const before = document.activeElement as HTMLElement | null;
    dialog?.showModal();
    return () => before?.focus?.();
  }, []);
  return (
    <dialog
      ref={box} class={props.class} aria-label={props.title}
      onCancel={(e) => { e.preventDefault(); props.close(); }}
      onClick={(e) => e.target === box.current && props.close()}
    >
      <div class="inside">{props.children}</div>
    </dialog>
  );
}

export function Asking() {
  const q = question.value;
  if (!q) return null;
  return (
    <Modal title={q.title} close={() => q.answer(false)}>
      <h2>{q.title}</h2>
      <p>{q.text}</p>
      <div class="row end">
        <button onClick={() => q.answer(false)}>Keep as it is</button>
        <button class={q.danger ? "danger" : "primary"} autofocus onClick={() => q.answer(true)}>{q.verb}</button>
      </div>
    </Modal>
  );
}

export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map((t) => (
      <div key={t.id} class={t.bad ? "toast bad" : "toast"}>
        <span>{t.text}</span>
        {t.undo && <button class="quiet" onClick={() => { dismiss(t.id); t.undo?.(); }}>Undo</button>}
        <button class="quiet" aria-label="Dismiss" onClick={() => dismiss(t.id)}>✕</button>
      </div>
    ))}
  </div>
);
