// Opens reports in Debian's Chromium and holds them to what they promise: no message on the console,
// no request, sorting, folding and hovering work, links lead into folds, nothing sticks out on a
// phone, complete without script, prints.
//   node report.mjs PDF FILE...     the first file is also printed to PDF
// Says "ok N checks", or what is wrong (exit 1).
import { chromium } from "playwright-core";

const [pdf, ...files] = process.argv.slice(2);
const wrong = [];
let checks = 0;
function check(what, good) {
    checks++;
    if (!good) wrong.push(what);
}

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// A page that notes every message, error and request but that for its own file.
async function open(file, options) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const url = "file://" + file;
    page.noise = [];
    page.on("console", (m) => page.noise.push("console: " + m.text()));
    page.on("pageerror", (e) => page.noise.push("error: " + e.message));
    page.on("dialog", (d) => { page.noise.push("dialog"); d.dismiss(); });
    page.on("request", (r) => { if (r.url().split("#")[0] !== url) page.noise.push("request: " + r.url()); });
    await page.goto(url);
    return page;
}

// The table of endpoints: its third column is the P95.
const p95 = (page) => page.$eval("#endpoints ~ .scroll table",
    (t) => [...t.tBodies[0].rows].map((r) => Number(r.cells[2].dataset.v)));
const rising = (a) => a.every((x, i) => i === 0 || a[i - 1] <= x);
const falling = (a) => a.every((x, i) => i === 0 || a[i - 1] >= x);

async function sorting(page, name) {
    const table = page.locator("#endpoints ~ .scroll table").first();
    const head = table.locator("th").nth(2).locator("button");
    await head.click();
    const first = await p95(page);
    check(`${name}: a click sorts, largest first`, first.length > 1 && falling(first) && !rising(first));
    await head.click();
    check(`${name}: a second click turns the order`, rising(await p95(page)));
    check(`${name}: the head says how`, await page.locator("th[aria-sort=ascending]").count() === 1);
}

async function folding(page, name) {
    const closed = await page.locator("details:not([open])").count();
    await page.click("#fold");
    check(`${name}: all folds open`, closed > 0 && await page.locator("details:not([open])").count() === 0);
    await page.click("#fold");
    check(`${name}: and close`, await page.locator("details[open]").count() === 0);
    const link = page.locator("main a[href^='#check-']").first();
    if (await link.count() === 0) return;
    const target = (await link.getAttribute("href")).slice(1);
    await link.click();
    check(`${name}: a link leads into its fold`, await page.locator("#" + target).isVisible());
}

async function hovering(page, name) {
    const mark = page.locator("svg .hot[aria-label]").first();
    await mark.scrollIntoViewIfNeeded();
    await mark.hover({ force: true });
    const said = await page.locator("#tip").textContent();
    check(`${name}: hovering tells figures`, await page.locator("#tip").isVisible() && /\d/.test(said));
}

async function harmless(page, name) {
    const found = await page.evaluate(() => ({
        scripts: document.scripts.length,
        images: document.querySelectorAll("img,iframe,object,embed,link,form").length,
        handlers: [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => /^on/i.test(a.name))).length,
        links: [...document.links].filter((a) => !a.getAttribute("href").startsWith("#")).length,
        title: document.title,
    }));
    check(`${name}: one script, its own`, found.scripts === 1);
    check(`${name}: nothing is embedded`, found.images === 0);
    check(`${name}: no handlers in attributes`, found.handlers === 0);
    check(`${name}: links stay inside`, found.links === 0);
    check(`${name}: the title is its own`, found.title !== "owned" && found.title.length > 0);
}

for (const file of files) {
    const name = file.replace(/.*\//, "");
    const page = await open(file, { viewport: { width: 1280, height: 900 } });
    await harmless(page, name);
    await sorting(page, name);
    await folding(page, name);
    await hovering(page, name);
    const light = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    check(`${name}: dark is dark`, light === "rgb(255, 255, 255)" && dark !== light);
    const cut = await page.$$eval("#metrics ~ .scroll, #endpoints ~ .scroll", (all) => all.filter((s) => s.scrollWidth > s.clientWidth).length);
    check(`${name}: its tables are whole on a desk`, cut === 0);
    if (file === files[0]) await page.pdf({ path: pdf, format: "A4", preferCSSPageSize: true });
    check(`${name}: silent, but: ${page.noise.slice(0, 3).join("; ")}`, page.noise.length === 0);
    await page.context().close();

    const phone = await open(file, { viewport: { width: 390, height: 800 }, javaScriptEnabled: false });
    const text = await phone.locator("body").innerText();
    check(`${name}: complete without script`, /6\s+(Lessons learned|经验总结)/.test(text) && phone.noise.length === 0);
    const box = await phone.locator("main").boundingBox();
    check(`${name}: fits a phone`, box.width <= 390);
    await phone.context().close();
}
await browser.close();
for (const w of wrong) console.log("WRONG " + w);
if (wrong.length === 0) console.log(`ok ${checks} checks`);
process.exit(wrong.length === 0 ? 0 : 1);
