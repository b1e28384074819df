// Holds manifests to the schemas of Kubernetes.    node check.mjs FILE...
//
// Prints what is wrong, one a line, and exits 1; else how much was looked at. The schemas of
// Kubernetes let keys pass that they do not know, as kubectl does not: those are looked for in the
// types that come with them.
import { readFileSync, existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";

const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const problems = [];
const interfaces = new Map();

// The keys of a type's file with the file of each key's own type (undefined: text, a number, a map); null where it has none.
function interfaceOf(file) {
  if (interfaces.has(file)) return interfaces.get(file);
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const imports = new Map();
  for (const [, names, from] of text.matchAll(/^import \{ (.*) \} from "(.*)";/gm))
    for (const name of names.split(", "))
      imports.set(name, (from.startsWith(".") ? resolve(dirname(file), from) : join(modules, from)) + ".d.ts");
  const body = text.match(/^export interface \w+ [^{]*\{\n([\s\S]*?)^\}/m)?.[1];
  const keys = body === undefined ? null : new Map();
  for (const [, key, type] of body?.matchAll(/^ {4}"([^"]+)"\??: (.*?);?$/gm) ?? [])
    keys.set(key, imports.get(type.replace(/^Array<(.*)>$/, "$1")));
  interfaces.set(file, keys);
  return keys;
}

function unknownKeys(value, file, path) {
  if (Array.isArray(value)) return value.forEach((item, i) => unknownKeys(item, file, `${path}/${i}`));
  const keys = file && interfaceOf(file);
  if (!keys || value === null || typeof value !== "object") return;
  for (const [key, member] of Object.entries(value)) {
    if (!keys.has(key)) problems.push(`${path}/${key}: no such key`);
    else unknownKeys(member, keys.get(key), `${path}/${key}`);
  }
}

async function checkManifest(value, place) {
  const { apiVersion, kind } = value;
  const models = await import(`kubernetes-models/${apiVersion}`).catch(() => ({}));
  if (!models[kind]) return problems.push(`${place}: there is no ${kind} in ${apiVersion}`);
  try {
    new models[kind](value).validate();
  } catch (err) {
    problems.push(`${place}: ${err.message}`);
  }
  unknownKeys(value, join(modules, "kubernetes-models", apiVersion, `${kind}.d.ts`), `${place} ${kind}`);
}

let documents = 0;
for (const file of process.argv.slice(2))
  for (const document of parseAllDocuments(readFileSync(file, "utf8"))) {
    documents++;
    for (const err of document.errors) problems.push(`${file}: ${err.message}`);
    if (document.errors.length === 0) await checkManifest(document.toJS(), file);
  }
for (const problem of problems) console.log(problem);
if (problems.length === 0) console.log(`${documents} documents are as the schemas say`);
process.exit(problems.length ? 1 : 0);
