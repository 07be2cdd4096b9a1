// Documents: drop files, watch them, read what came of them.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, getText, post, remove, upload, type Doc, type Item } from "../api";
import { bytes, kind, number, plural, short } from "../format";
import { complain, confirm, go, hear, may, place, say } from "../state";
import { Badge, Copy, Empty, Head, Link, Meter, Time, Trouble, useRead } from "../ui";

const AT_ONCE = 3;
const TEXT_SHOWN = 200000;

interface Sending { id: number; name: string; size: number; part: number; doc: Doc | null; error: string }
const sending = signal<Sending[]>([]);
const waitingFiles: { id: number; file: File }[] = [];
let running = 0, nextId = 1;

const change = (id: number, part: Partial<Sending>) =>
  (sending.value = sending.value.map((s) => (s.id === id ? { ...s, ...part } : s)));

export function send(files: Iterable<File>) {
  for (const file of files) {
    const id = nextId++;
    sending.value = [{ id, name: file.name, size: file.size, part: 0, doc: null, error: "" }, ...sending.value].slice(0, 500);
    waitingFiles.push({ id, file });
  }
  pump();
}

function pump() {
  while (running < AT_ONCE && waitingFiles.length) {
    const { id, file } = waitingFiles.shift()!;
    running++;
    upload(file, (part) => change(id, { part }))
      .then((doc) => change(id, { part: 1, doc }), (e: Error) => change(id, { error: e.message }))
      .finally(() => { running--; pump(); });
  }
}

hear((id, item) => {
  const mine = sending.value.find((s) => s.doc?.item?.id === id);
  if (mine?.doc && item) change(mine.id, { doc: { ...mine.doc, status: item.status, item } });
});

function Uploads() {
  const list = sending.value;
  if (!list.length) return null;
  const open = list.filter((s) => !s.error && (!s.doc || s.doc.status === "pending" || s.doc.status === "in_progress")).length;
  return (
    <section class="card" aria-label="Uploads">
      <div class="between"><h2>Uploads {open > 0 && <span class="note">{plural(open, "open")}</span>}</h2><button class="quiet small" onClick={() => (sending.value = sending.value.filter((s) => !s.doc && !s.error))}>Clear finished</button></div>
      <ul class="plain uploads">
        {list.slice(0, 50).map((s) => (
          <li key={s.id}>
            <span class="clip">{s.doc ? <Link to={`/admin/documents/${s.doc.id}`}>{s.name}</Link> : s.name}</span>
            <span class="note">{bytes(s.size)}</span>
            {s.error ? <span class="wrong">{s.error}</span> : s.doc ? <Badge status={s.doc.status} /> : <Meter part={s.part} label={`Upload of ${s.name}`} />}
          </li>
        ))}
      </ul>
      {list.length > 50 && <p class="note">and {plural(list.length - 50, "more")}</p>}
    </section>
  );
}

function Drop() {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const enter = (e: DragEvent) => { if (e.dataTransfer?.types.includes("Files")) { e.preventDefault(); setOver(true); } };
    const leave = (e: DragEvent) => { if (!e.relatedTarget) setOver(false); };
    const drop = (e: DragEvent) => { if (e.dataTransfer?.files.length) { e.preventDefault(); send(e.dataTransfer.files); } setOver(false); };
    addEventListener("dragenter", enter);
    addEventListener("dragover", enter);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragover", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return (
    <div class={over ? "drop over" : "drop"}>
      <p><b>Drop files anywhere on this page</b> or <button class="quiet link" onClick={() => input.current?.click()}>choose some</button></p>
      <p class="note">PDF, DOCX, HTML, Markdown, CSV, plain text and more. Each is queued the moment it is safely on disk.</p>
      <input ref={input} type="file" multiple class="hidden" aria-label="Choose files" tabIndex={-1} onChange={(e) => { send(e.currentTarget.files ?? []); e.currentTarget.value = ""; }} />
    </div>
  );
}

export function Documents() {
  const cursor = place.value.query.get("cursor") ?? "";
  const url = `/v1/documents?limit=50${cursor ? `&cursor=${cursor}` : ""}`;
  const page = useRead<{ documents: Doc[]; next: string | null }>(url, () => get(url));
  const docs = page.value?.documents ?? [];
  const latest = useRef(docs);
  latest.current = docs;
  useEffect(() => {
    let timer = 0;
    const stop = hear((id, item) => {
      if (item && latest.current.some((d) => d.item?.id === id))
        page.setValue((old) => old && { ...old, documents: old.documents.map((d) => (d.item?.id === id ? { ...d, item, status: item.status } : d)) });
      else if (!cursor && !timer)
        timer = window.setTimeout(() => { timer = 0; void page.again(); }, 700);
    });
    return () => { stop(); clearTimeout(timer); };
  }, [url]);
  return (
    <>
      <Head title="Documents" />
      {may("upload") && <Drop />}
      <Uploads />
      {page.error && <Trouble error={page.error} again={page.again} />}
      {docs.length > 0 ? (
        <div class="card flush">
          <table class="list">
            <caption class="hidden">Documents, newest first</caption>
            <thead><tr><th>Name</th><th>Status</th><th class="wide">Type</th><th class="num wide">Size</th><th class="num wide">Pages</th><th class="num">Uploaded</th></tr></thead>
            <tbody>
              {docs.map((d) => (
                <tr key={d.id}>
                  <td class="main grow"><Link to={`/admin/documents/${d.id}`} class="title clip">{d.filename || "(no name)"}</Link></td>
                  <td><Badge status={d.status} /></td>
                  <td class="wide note"><span class="clip type" title={d.content_type}>{kind(d.content_type)}</span></td>
                  <td class="wide num">{bytes(d.size)}</td>
                  <td class="wide num">{d.result ? number(d.result.pages) : "–"}</td>
                  <td class="num"><Time at={d.created_at} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : page.value && !page.error && (
        <Empty title="No documents yet"><p>Drop some above. Each appears here at once and turns from pending to completed before your eyes.</p></Empty>
      )}
      {(page.value?.next || cursor) && (
        <nav class="pager" aria-label="Pages">
          {cursor && <button onClick={() => history.back()}>Newer</button>}
          <span class="push" />
          {page.value?.next && <Link class="button" to={`/admin/documents?cursor=${page.value.next}`}>Older</Link>}
        </nav>
      )}
    </>
  );
}

function Values({ of }: { of: Record<string, unknown> }) {
  const rows = Object.entries(of);
  if (!rows.length) return <p class="note">None.</p>;
  return <dl class="pairs">{rows.map(([k, v]) => <><dt>{k}</dt><dd class="whole">{typeof v === "string" ? v : JSON.stringify(v)}</dd></>)}</dl>;
}

function Text({ doc }: { doc: Doc }) {
  const stamp = doc.result?.processed_at ?? "";
  const text = useRead<string>(doc.id + stamp, () => (doc.result ? getText(`/v1/documents/${doc.id}/text`) : Promise.resolve("")));
  if (!doc.result)
    return <p class="note">{doc.status === "failed" ? "There is no text: the work failed. The item says why." : "The text appears here when the work is done."}</p>;
  if (text.error) return <Trouble error={text.error} again={text.again} />;
  if (text.value === null) return <p class="note">Reading…</p>;
  if (!text.value.trim()) return <p class="note">The document holds no text.</p>;
  const pages = text.value.slice(0, TEXT_SHOWN).split("\f");
  return (
    <div class="text" tabIndex={0} role="region" aria-label="Extracted text">
      {pages.map((page, i) => <div key={i}>{pages.length > 1 && <h3 class="pageno">Page {i + 1}</h3>}<pre>{page}</pre></div>)}
      {text.value.length > TEXT_SHOWN && <p class="note">Cut here. <a href={`/v1/documents/${doc.id}/text`}>The whole text</a></p>}
    </div>
  );
}

export function DocumentPage({ id }: { id: string }) {
  const read = useRead<Doc>(id, () => get(`/v1/documents/${encodeURIComponent(id)}`));
  const items = useRead<{ items: Item[] }>(`items ${id}`, () => get(`/v1/items?limit=50&q=document:${encodeURIComponent(id)}`));
  const doc = read.value;
  useEffect(() => hear((_, item) => { if (item?.document_id === id) { void read.again(); void items.again(); } }), [id]);
  async function reprocess() {
    try {
      await post(`/v1/documents/${id}/reprocess`);
      say("Queued once more.");
      void read.again();
      void items.again();
    } catch (e) {
      complain(e);
    }
  }
  async function drop() {
    if (!doc || !(await confirm(`Delete ${doc.filename}?`, "The document, its items, their history and its text are removed for good.", "Delete", true))) return;
    try {
      await remove(`/v1/documents/${id}`);
      say("The document is deleted.");
      go("/admin/documents");
    } catch (e) {
      complain(e);
    }
  }
  if (read.error) return <><Head title="Document" /><Trouble error={read.error} again={read.again} /></>;
  if (!doc) return <Head title="Document" note="Reading…" />;
  return (
    <>
      <Head title={doc.filename || "(no name)"} note={<><Badge status={doc.status} /> {kind(doc.content_type)} · {bytes(doc.size)}{doc.result && <> · {plural(doc.result.pages, "page")}</>}{doc.result?.partial && <> · partial</>}</>}>
        <a class="button" href={`/v1/documents/${id}/content`} download={doc.filename}>Download</a>
        {may("upload") && <button onClick={reprocess}>Reprocess</button>}
        {may("operate") && <button class="danger" onClick={drop}>Delete</button>}
      </Head>
      {doc.item?.waiting && <div class="callout"><p><b>Why is it waiting?</b> {doc.item.waiting}.</p></div>}
      {doc.item?.error && doc.status === "failed" && <div class="callout bad"><p><b>{doc.item.error.code}</b>: <span class="whole">{doc.item.error.message}</span></p><p><Link to={`/admin/items/${doc.item.id}`}>Every attempt</Link></p></div>}
      <div class="columns two">
        <section class="card"><h2>Text</h2><Text doc={doc} /></section>
        <div>
          <section class="card">
            <h2>Facts</h2>
            <dl class="pairs">
              <dt>Document</dt><dd><code>{short(doc.id)}</code> <Copy text={doc.id} label="document id" /></dd>
              <dt>Uploaded</dt><dd><Time at={doc.created_at} /></dd>
              <dt>Type</dt><dd>{doc.content_type}</dd>
              <dt>Owner</dt><dd>{doc.owner}</dd>
              <dt>SHA-256</dt><dd><code>{doc.sha256.slice(0, 12)}…</code> <Copy text={doc.sha256} label="SHA-256" /></dd>
            </dl>
          </section>
          <section class="card"><h2>Found by the parser</h2><Values of={doc.result?.metadata ?? {}} />
            {!!doc.result?.problems.length && <ul class="note">{doc.result.problems.map((p, i) => <li key={i}>{typeof p === "string" ? p : JSON.stringify(p)}</li>)}</ul>}</section>
          <section class="card"><h2>Metadata of the sender</h2><Values of={doc.metadata} /></section>
          <section class="card">
            <h2>Items</h2>
            <ul class="plain">
              {items.value?.items.map((i) => <li key={i.id} class="between"><Link to={`/admin/items/${i.id}`}>{i.operation}</Link><Badge status={i.status} /><span class="note"><Time at={i.created_at} /></span></li>)}
            </ul>
          </section>
        </div>
      </div>
    </>
  );
}
