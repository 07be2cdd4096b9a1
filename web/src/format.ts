// Numbers, times and sizes for people.
import { now, zone } from "./state";

const whole = new Intl.NumberFormat(undefined);
export const number = (n: number) => whole.format(n);

export const plural = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

export function bytes(n: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

const rest = (text: string, left: number, unit: string) => (left ? `${text} ${left} ${unit}` : text);

export function seconds(s: number): string {
  if (s < 0.001) return "0 ms";
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${Number(s.toFixed(1))} s`;
  if (s < 100) return `${Math.round(s)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 100) return rest(`${minutes} min`, Math.round(s % 60), "s");
  const hours = Math.floor(s / 3600);
  if (hours < 48) return rest(`${hours} h`, Math.round((s % 3600) / 60), "min");
  return rest(`${Math.floor(s / 86400)} d`, Math.round((s % 86400) / 3600), "h");
}

/** "PDF" rather than a type that fills the line; the rest of it where we know no name. */
export function kind(type: string): string {
  const names: Record<string, string> = {
    "application/pdf": "PDF", "text/plain": "Text", "text/html": "HTML", "text/markdown": "Markdown", "text/csv": "CSV",
    "message/rfc822": "E-mail", "application/rtf": "RTF", "application/epub+zip": "EPUB", "application/octet-stream": "Unknown",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
  };
  return names[type] ?? type.replace(/^(application|image)\/(vnd\.)?/, "");
}

export function ago(at: string): string {
  const s = (now.value - Date.parse(at)) / 1000;
  const future = s < -1;
  const d = Math.abs(s);
  const text =
    d < 5 ? "now"
    : d < 60 ? `${Math.floor(d)} s`
    : d < 3600 ? `${Math.floor(d / 60)} min`
    : d < 86400 * 2 ? `${Math.floor(d / 3600)} h`
    : `${Math.floor(d / 86400)} d`;
  return text === "now" ? text : future ? `in ${text}` : `${text} ago`;
}

export function exact(at: string): string {
  const utc = zone.value === "utc";
  const text = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
    hour12: false, ...(utc ? { timeZone: "UTC" } : {}),
  }).format(new Date(at));
  return utc ? `${text} UTC` : text;
}

export function clock(at: string, days: boolean): string {
  const options: Intl.DateTimeFormatOptions = days
    ? { month: "short", day: "numeric" }
    : { hour: "2-digit", minute: "2-digit", hour12: false };
  return new Intl.DateTimeFormat(undefined, { ...options, ...(zone.value === "utc" ? { timeZone: "UTC" } : {}) }).format(new Date(at));
}

export const short = (id: string) => id.slice(0, 8) + "…" + id.slice(-4);
