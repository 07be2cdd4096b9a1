// The HTTP interface: the shapes that the page reads, and one way to ask.

export type Status = "pending" | "in_progress" | "completed" | "failed" | "cancelled";
export const statuses: Status[] = ["pending", "in_progress", "completed", "failed", "cancelled"];
export const statusText: Record<Status, string> = {
  pending: "Pending",
  in_progress: "In progress",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

export interface Attempt {
  number: number;
  worker: string | null;
  outcome: string;
  started_at: string | null;
  ended_at: string | null;
  duration_seconds: number | null;
  error: { code: string; message: string | null } | null;
  signal: number | null;
  limit: string | null;
  peak_memory_bytes: number | null;
}

export interface Item {
  id: string;
  document_id: string;
  filename: string | null;
  operation: string;
  priority: number;
  status: Status;
  attempts: number;
  max_attempts: number;
  crashes: number;
  due_at: string | null;
  waiting: string | null;
  lease: { worker: string | null; epoch: number; expires_at: string | null } | null;
  progress: { stage: string; done: number; total: number } | null;
  error: { code: string; message: string | null; retryable: boolean } | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  superseded_by: string | null;
  history?: Attempt[];
}

export interface Doc {
  id: string;
  filename: string;
  content_type: string;
  size: number;
  sha256: string;
  metadata: Record<string, unknown>;
  owner: string;
  created_at: string;
  status: Status;
  item: Item | null;
  result: {
    pages: number;
    text_bytes: number;
    partial: boolean;
    metadata: Record<string, unknown>;
    problems: unknown[];
    processed_at: string | null;
  } | null;
}

export type Counts = Record<Status, number>;
export interface Operation extends Counts {
  name: string;
  kind: string;
  max_attempts: number;
  backoff_base_seconds: number;
  backoff_cap_seconds: number;
  backoff_factor: number;
  crash_budget: number;
  timeout_seconds: number;
  paused_at: string | null;
}
export interface Stats extends Counts {
  documents: number;
  due: number;
  oldest_due_age_seconds: number;
  enqueued_per_minute: number;
  completed_per_minute: number;
  failed_per_minute: number;
  paused_at: string | null;
  workers: number;
  operations: Operation[];
}
export interface Spread { p50: number; p95: number; count: number }
export interface Point { at: string; enqueued: number; completed: number; failed: number }
export interface History {
  step_seconds: number;
  points: Point[];
  wait_seconds: Spread;
  run_seconds: Spread;
}
export interface Problem {
  problem: string;
  code: string;
  message: string | null;
  operation: string;
  item_id: string;
  count: number;
  last_hour: number;
  last_day: number;
  first_at: string;
  last_at: string;
}
export interface Worker {
  id: string;
  name: string;
  pid: number | null;
  local: boolean;
  alive: boolean;
  started_at: string;
  seen_at: string;
  in_progress: number;
}
export interface Token {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}
export interface Session { role: "viewer" | "operator" | "admin" | null; scopes: string[]; local: boolean }

export class Problemed extends Error {
  constructor(readonly status: number, readonly code: string, detail: string) {
    super(detail);
  }
}

/** Called where the server says that nobody is logged in (any more). */
export const refused = { handler: () => {} };

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch {
    throw new Problemed(0, "unreachable", "The server does not answer. Is `docq serve` still running?");
  }
  if (!answer.ok) throw await problemOf(answer);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

async function problemOf(answer: Response): Promise<Problemed> {
  if (answer.status === 401) refused.handler();
  let body: { code?: string; detail?: string; title?: string } = {};
  try {
    body = await answer.json();
  } catch {
    // Not one of ours: the status has to do.
  }
  const text = body.detail || body.title || `The server answered ${answer.status}.`;
  return new Problemed(answer.status, body.code ?? "unknown", text);
}

export const get = <T>(path: string) => call<T>("GET", path);
export const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, body);
export const remove = (path: string) => call<void>("DELETE", path);

export async function getText(path: string): Promise<string> {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) throw await problemOf(answer);
  return answer.text();
}

/** fetch() cannot tell how far an upload has come. */
export function upload(file: File, onProgress: (part: number) => void): Promise<Doc> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file, file.name);
    request.open("POST", "/v1/documents");
    request.upload.onprogress = (e) => e.lengthComputable && onProgress(e.loaded / e.total);
    request.onerror = () =>
      reject(new Problemed(0, "unreachable", "The connection broke. Drop the file again."));
    request.onload = () => {
      let body: Record<string, string> = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        // Handled below.
      }
      if (request.status === 202) resolve(body as unknown as Doc);
      else reject(new Problemed(request.status, body.code ?? "unknown", body.detail ?? `The server answered ${request.status}.`));
    };
    request.send(form);
  });
}
