// What every page shares: where we are, who we are, what the server tells as it happens.
import { computed, effect, signal } from "@preact/signals";
import { get, refused, type Item, type Session, type Stats } from "./api";

// ---- preferences ------------------------------------------------------------------------------

function stored<T extends string>(key: string, fallback: T) {
  let first = fallback;
  try {
    first = (localStorage.getItem(`docq-${key}`) as T) ?? fallback;
  } catch {
    // Storage may be forbidden; then nothing is kept.
  }
  const value = signal<T>(first);
  effect(() => {
    const now = value.value;
    try {
      localStorage.setItem(`docq-${key}`, now);
    } catch {
      // As above.
    }
  });
  return value;
}

export const theme = stored<"system" | "light" | "dark">("theme", "system");
export const zone = stored<"local" | "utc">("zone", "local");
effect(() => {
  const root = document.documentElement;
  if (theme.value === "system") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", theme.value);
});

// ---- where we are -----------------------------------------------------------------------------

export interface Place { page: string; id: string; query: URLSearchParams }

function here(): Place {
  const [page = "", id = ""] = location.pathname.replace(/^\/admin\/?/, "").split("/");
  return { page: page || "overview", id, query: new URLSearchParams(location.search) };
}

export const place = signal<Place>(here());
addEventListener("popstate", () => (place.value = here()));

export function go(path: string, replace = false) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  place.value = here();
  if (!replace) scrollTo(0, 0);
}

export const queueUrl = (filter: string) =>
  filter.trim() ? `/admin/queue?q=${encodeURIComponent(filter.trim())}` : "/admin/queue";

// ---- who we are -------------------------------------------------------------------------------

export const session = signal<Session | null>(null);
export const may = (scope: string) =>
  !!session.value && (session.value.scopes.includes(scope) || session.value.role === "admin");

export async function readSession() {
  session.value = await get<Session>("/v1/session");
  if (session.value.role) connect();
  else disconnect();
}
refused.handler = () => void readSession();

// ---- what happens -----------------------------------------------------------------------------

export type Line = "on" | "off" | "paused" | "connecting";
export const line = signal<Line>("connecting");
export const paused = signal(false);
export const stats = signal<Stats | null>(null);
/** Grows when everything is to be read anew. */
export const renewed = signal(0);
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 5000);

type Heard = (id: string, item: Item | null) => void;
const ears = new Set<Heard>();
export function hear(heard: Heard): () => void {
  ears.add(heard);
  return () => void ears.delete(heard);
}

let source: EventSource | null = null;
let lastId = "";
let again = 0;

function note(event: MessageEvent) {
  if (event.lastEventId) lastId = event.lastEventId;
}

export function disconnect() {
  source?.close();
  source = null;
  clearTimeout(again);
}

export function connect() {
  if (source || paused.value || document.hidden || !session.value?.role) return;
  const from = lastId ? `?last_event_id=${encodeURIComponent(lastId)}` : "";
  source = new EventSource(`/v1/events${from}`);
  line.value = "connecting";
  source.onopen = () => (line.value = "on");
  source.onerror = () => {
    line.value = "off";
    if (source?.readyState !== EventSource.CLOSED) return;
    disconnect();
    again = window.setTimeout(() => void readSession().catch(() => connect()), 3000);
  };
  source.addEventListener("counts", (event) => (stats.value = JSON.parse(event.data)));
  source.addEventListener("item", (event) => {
    note(event);
    const item: Item = JSON.parse(event.data);
    for (const ear of ears) ear(item.id, item);
  });
  source.addEventListener("deleted", (event) => {
    note(event);
    for (const ear of ears) ear(JSON.parse(event.data).id, null);
  });
  source.addEventListener("reset", (event) => {
    note(event);
    renewed.value++;
  });
}

/** A pause keeps what is on the screen; going on catches up with what was missed. */
export function setPaused(value: boolean) {
  paused.value = value;
  if (value) {
    disconnect();
    line.value = "paused";
  } else {
    connect();
  }
}

// A hidden page listens to nothing: browsers allow few connections to a host.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else connect();
});

// ---- messages ---------------------------------------------------------------------------------

export interface Toast { id: number; text: string; bad: boolean; undo?: () => void }
export const toasts = signal<Toast[]>([]);
let nextToast = 1;
export function say(text: string, options: { bad?: boolean; undo?: () => void } = {}) {
  const toast: Toast = { id: nextToast++, text, bad: !!options.bad, ...(options.undo ? { undo: options.undo } : {}) };
  toasts.value = [...toasts.value.slice(-3), toast];
  setTimeout(() => dismiss(toast.id), options.bad ? 12000 : 6000);
}
export const dismiss = (id: number) => (toasts.value = toasts.value.filter((t) => t.id !== id));
export const complain = (e: unknown) => say(e instanceof Error ? e.message : String(e), { bad: true });

// ---- a question before a deed -----------------------------------------------------------------

export interface Question { title: string; text: string; verb: string; danger: boolean; answer: (yes: boolean) => void }
export const question = signal<Question | null>(null);
export function confirm(title: string, text: string, verb: string, danger = false): Promise<boolean> {
  return new Promise((resolve) => {
    question.value = {
      title, text, verb, danger,
      answer: (yes) => {
        question.value = null;
        resolve(yes);
      },
    };
  });
}

export const waiting = computed(() => (stats.value ? stats.value.pending + stats.value.in_progress : 0));
