// Does as a person would, in Chromium. Usage: node browser.mjs SCENARIO URL SCREENSHOTS [ARGUMENT]
// Ends with 0 where the scenario went well, nothing was written to the console, and axe finds
// nothing on the screens that were shown.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [scenario, url, folder, argument] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
mkdirSync(folder, { recursive: true });

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: quiet });
const faults = [];

async function open(path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, bypassCSP: false, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  page.on("console", (m) => {
    if (["error", "warning"].includes(m.type()) && !page.expected?.test(m.text() + m.location().url)) faults.push(`console: ${m.text()}`);
  });
  page.on("pageerror", (e) => faults.push(`script: ${e.stack}`));
  page.on("dialog", (d) => { faults.push(`a dialog: ${d.message()}`); void d.dismiss(); });
  page.on("request", (r) => {
    if (!r.url().startsWith(url) && !r.url().startsWith("data:")) faults.push(`a request to ${r.url()}`);
  });
  await page.goto(url + path);
  return page;
}

async function shot(page, name) {
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: false });
}

/** Runs in an isolated world, so the page's policy on scripts stays as strict as it is. */
async function check(page, name) {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const run = async (expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
      expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
    assert.ok(!exceptionDetails, exceptionDetails?.exception?.description);
    return result.value;
  };
  await run(axe);
  const violations = await run(`axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations.map((v) =>
    v.id + ": " + v.help + "\\n    " + v.nodes.slice(0, 4).map((n) => n.html.slice(0, 160) + " " + n.failureSummary.slice(0, 200)).join("\\n    ")))`);
  for (const violation of violations) faults.push(`axe on ${name}: ${violation}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  const unseen = await page.$$eval(".list .title", (all) => all.filter((a) => a.textContent.trim() && a.getBoundingClientRect().width < 12).length);
  if (unseen) faults.push(`${name} hides ${unseen} names`);
  if (wide > 0) faults.push(`${name} is ${wide} pixels too wide`);
  await shot(page, name);
}

const drop = async (page, files) => {
  const data = await page.evaluateHandle((list) => {
    const transfer = new DataTransfer();
    for (const [name, text] of list) transfer.items.add(new File([text], name, { type: "text/plain" }));
    return transfer;
  }, files);
  await page.dispatchEvent("main", "dragover", { dataTransfer: data });
  await page.dispatchEvent("main", "drop", { dataTransfer: data });
};

const pages = ["", "queue", "documents", "problems", "workers", "operations", "retention", "access"];

const scenarios = {
  /** Every screen, in light and dark, wide and narrow: no violation, nothing too wide. */
  async screens() {
    for (const [look, options] of [["light", {}], ["dark", { colorScheme: "dark" }], ["phone", { viewport: { width: 375, height: 740 } }]]) {
      const page = await open("/admin/", options);
      for (const name of pages) {
        await page.goto(`${url}/admin/${name}`);
        await page.waitForSelector("h1");
        await page.waitForTimeout(500);
        await check(page, `${look}-${name || "overview"}`);
      }
      await page.goto(`${url}/admin/queue?q=failed`);
      await page.click("tbody a.title");
      await page.waitForSelector(".timeline");
      await check(page, `${look}-item`);
      await page.goto(`${url}/admin/documents/${argument}`);
      await page.waitForSelector(".text pre");
      await check(page, `${look}-document`);
      await page.keyboard.press("?");
      await page.waitForSelector("dialog[open] kbd");
      await check(page, `${look}-help`);
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+k");
      await page.waitForSelector("dialog[open] [role=option]");
      await check(page, `${look}-palette`);
      await page.context().close();
    }
  },

  /** The first load: how many bytes it takes, and what policy it runs under. */
  async budget() {
    const context = await browser.newContext();
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    let total = 0;
    session.on("Network.loadingFinished", (e) => (total += e.encodedDataLength));
    const answer = await page.goto(`${url}/admin/`, { waitUntil: "load" });
    await page.waitForSelector("h1");
    await page.waitForTimeout(500);
    const policy = answer.headers()["content-security-policy"];
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    console.log(`first load: ${total} bytes`);
    assert.ok(total > 5000 && total < 60000, `${total} bytes`);
  },

  /** Dropped files go from pending to completed without reloading. */
  async upload() {
    const page = await open("/admin/documents");
    await page.waitForSelector(".drop");
    await page.evaluate(() => (window.stillHere = true));
    await drop(page, [["hello.txt", "Hello from a dropped file."], ["second.txt", "Another one."]]);
    await page.waitForSelector("table >> text=hello.txt");
    await page.waitForFunction(() => document.querySelectorAll(".uploads .badge.completed").length === 2);
    await page.waitForFunction(() => document.querySelectorAll("tbody .badge.completed").length === 2);
    assert.ok(await page.evaluate(() => window.stillHere), "the page was loaded again");
    await page.click("tbody >> text=hello.txt");
    await page.waitForSelector("text=Hello from a dropped file.");
    await page.click("text=Reprocess");
    await page.waitForFunction(() => document.querySelectorAll("ul.plain .badge").length === 2);
    await page.click("text=Delete");
    await page.click("dialog button.danger");
    await page.waitForURL("**/admin/documents");
    await page.waitForFunction(() => !document.querySelector("tbody")?.textContent.includes("hello.txt"));
  },

  /** A failure is found among the problems, read, and its group is tried again. */
  async problems() {
    const page = await open("/admin/problems");
    await page.waitForSelector("article >> text=damaged_document");
    const article = page.locator("article", { hasText: "damaged_document" });
    assert.equal(await article.locator(".big").textContent(), "3");
    await article.getByText("Newest one").click();
    await page.waitForSelector(".timeline .error");
    await page.goBack();
    await page.locator("article", { hasText: "damaged_document" }).getByText("Retry group").click();
    await page.waitForSelector("dialog >> text=Retry 3 items?");
    await page.click("dialog button.primary");
    await page.waitForSelector(".toast >> text=3 items queued again.");
  },

  /** A filter lives in the address: it can be shared, and Back returns to it. */
  async filter() {
    const page = await open("/admin/queue");
    await page.waitForSelector("tbody tr");
    await page.keyboard.press("/");
    await page.keyboard.type("failed error:damaged_document");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/queue?q=failed%20error%3Adamaged_document");
    await page.waitForFunction(() => [...document.querySelectorAll("tbody .badge")].every((b) => b.textContent === "Failed") && document.querySelectorAll("tbody tr").length === 3);
    const shared = await page.context().newPage();
    await shared.goto(page.url());
    await shared.waitForFunction(() => document.querySelectorAll("tbody tr").length === 3);
    assert.equal(await shared.inputValue("#filter"), "failed error:damaged_document");
    await shared.close();
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/items/*");
    await page.waitForSelector(".timeline");
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 3);
    await page.click(".statuses >> text=Completed");
    await page.waitForURL(/q=completed/);
    page.expected = /422/;
    await page.goto(`${url}/admin/queue?q=colour:red`);
    await page.waitForSelector("[role=alert] >> text=unknown key");
  },

  /** All that match are tried again, and the number is said first. */
  async all() {
    const page = await open("/admin/queue?q=cancelled");
    await page.waitForSelector("tbody tr");
    await page.check("thead input");
    await page.click("text=Select all that match");
    await page.waitForSelector(".bulk >> text=1,000");
    await shot(page, "bulk");
    await page.click(".bulk >> text=Retry");
    await page.waitForSelector("dialog >> text=Retry 1,000 items?");
    await check(page, "confirm");
    await page.click("dialog button.primary");
    await page.waitForSelector(".toast >> text=1,000 items queued again.");
    await page.waitForSelector("text=Nothing matches this filter");
  },

  /** Pages hold every row once. */
  async paging() {
    const page = await open("/admin/queue");
    const seen = new Set();
    for (;;) {
      await page.waitForSelector("tbody tr");
      const ids = await page.$$eval("tbody tr", (rows) => rows.map((r) => r.dataset.id));
      for (const id of ids) {
        assert.ok(!seen.has(id), "a row came twice");
        seen.add(id);
      }
      const older = page.locator(".pager >> text=Older");
      if (!(await older.count())) break;
      const before = ids[0];
      await older.click();
      await page.waitForFunction((id) => document.querySelector("tbody tr")?.dataset.id !== id, before);
    }
    assert.equal(seen.size, Number(argument));
  },

  async pause() {
    const page = await open("/admin/operations");
    await page.click("text=Pause the queue");
    await page.waitForSelector(".callout.warn >> text=The queue is paused");
    await check(page, "paused");
    await drop(page, [["waits.txt", "I wait."]]);
    await page.waitForURL("**/admin/documents");
    await page.click("tbody >> text=waits.txt");
    await page.waitForSelector("text=Why is it waiting?");
    await page.waitForSelector("text=the queue was paused");
    await page.click(".callout.warn >> text=Resume");
    await page.waitForSelector("header .badge.completed");
    await page.waitForFunction(() => !document.querySelector(".callout.warn"));
  },

  /** A login link works once; a viewer sees no deeds, and the server refuses them. */
  async login() {
    const page = await open(`/admin/login#code=${argument}`);
    await page.waitForURL("**/admin/");
    await page.waitForSelector("text=Access");
    assert.ok(!page.url().includes("code"));
    assert.equal(await page.evaluate(() => document.cookie), "", "a script can read the session");
    await page.goto(`${url}/admin/access`);
    await page.fill("form input[placeholder='what it is for']", "a viewer");
    await page.click("text=Make token");
    const viewer = await page.textContent("code.secret");
    await page.context().close();

    const late = await open("/admin/");
    late.expected = /401/;
    await late.waitForSelector("text=Log in to see the queue");
    await check(late, "login");
    await late.goto(`${url}/admin/login#code=${argument}`);
    await late.waitForSelector("[role=alert] >> text=used");
    await late.fill("input[type=password]", viewer);
    await late.click("button >> text=Log in");
    await late.waitForSelector("h1 >> text=Overview");
    assert.equal(await late.locator(".nav >> text=Access").count(), 0);
    late.expected = /403/;
    const refused = await late.evaluate(() => fetch("/v1/queue/pause", { method: "POST" }).then((r) => r.status));
    assert.equal(refused, 403);
    await late.click("text=Log out");
    await late.waitForSelector("text=Log in to see the queue");
  },

  /** Names, errors and text full of markup make no script run, no request, no broken layout. */
  async hostile() {
    const page = await open("/admin/documents");
    await page.evaluate(() => { window.alert = () => { window.canary = 1; }; });
    for (const path of ["documents", "queue", "problems", `documents/${argument}`]) {
      await page.goto(`${url}/admin/${path}`);
      await page.waitForSelector("h1");
      await page.waitForTimeout(600);
      assert.equal(await page.evaluate(() => window.canary), undefined);
      assert.equal(await page.locator("#app img, #app iframe, #app script, #app object, main svg[onload]").count(), 0);
      await check(page, `hostile-${path.split("/")[0]}${path.includes("/") ? "-one" : ""}`);
    }
    await page.setViewportSize({ width: 375, height: 740 });
    await page.goto(`${url}/admin/documents`);
    await check(page, "hostile-phone");
  },

  /** A page of somebody else, opened in the same browser, changes nothing. */
  async foreign() {
    const page = await open("/admin/login#code=" + argument);
    await page.waitForURL("**/admin/");
    const other = await page.context().newPage();
    await other.goto("data:text/html,<p>elsewhere</p>");
    await other.evaluate((target) => fetch(`${target}/v1/queue/pause`, { method: "POST", mode: "no-cors", credentials: "include" }).catch(() => {}), url);
    await other.evaluate((target) => {
      document.body.innerHTML = `<form method="POST" enctype="text/plain" action="${target}/v1/queue/pause"><input name="{}" value=""></form>`;
      document.forms[0].submit();
    }, url);
    await other.waitForTimeout(500);
    const stats = await page.evaluate(() => fetch("/v1/queue/stats").then((r) => r.json()));
    assert.equal(stats.paused_at, null);
  },
};

let failed = false;
try {
  assert.ok(scenarios[scenario], `no scenario ${scenario}`);
  await scenarios[scenario]();
} catch (error) {
  failed = true;
  console.error(error.stack ?? error);
  for (const context of browser.contexts())
    for (const page of context.pages()) await page.screenshot({ path: join(folder, `failed-${scenario}.png`) }).catch(() => {});
}
await browser.close();
for (const fault of faults) console.error(fault);
writeFileSync(join(folder, `${scenario}.txt`), faults.join("\n"));
process.exit(failed || faults.length ? 1 : 0);
