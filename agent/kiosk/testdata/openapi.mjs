// Holds an OpenAPI document against its specification's own schema, and its
// examples against the document's schemas: node openapi.mjs MODULES FILE
// It writes one line for each problem, and "ok" with what was looked at.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [, , modules, file] = process.argv;
const load = createRequire(`${modules}/`);
const { Validator } = await import(`${modules}/@seriousme/openapi-schema-validator/index.js`);
const Ajv = load("ajv/dist/2020").default;
const formats = load("ajv-formats").default;
const text = readFileSync(file, "utf8");
const document = load("js-yaml").load(text);
const problem = (...what) => console.log(what.join(": "));

const validator = new Validator();
const result = await validator.validate(text);
if (!result.valid) problem("the document", JSON.stringify(result.errors));

const ajv = formats(new Ajv({ strict: false, allErrors: true }));
ajv.addSchema({ $id: "doc", components: document.components });
const absolute = (schema) => JSON.parse(JSON.stringify(schema), (key, value) => (key === "$ref" && value.startsWith("#/") ? `doc${value}` : value));
let schemas = 0, examples = 0;
const walk = (node, path) => {
  if (!node || typeof node !== "object") return;
  if (node.schema && !Array.isArray(node)) {
    schemas++;
    const check = ajv.compile(absolute(node.schema));
    const values = node.example === undefined ? [] : [node.example];
    for (const e of Object.values(node.examples ?? {})) values.push(e.value);
    for (const value of values) {
      examples++;
      if (!check(value)) problem(path, ajv.errorsText(check.errors));
    }
  }
  for (const [key, value] of Object.entries(node)) if (key !== "schema") walk(value, `${path}/${key}`);
};
walk(document.paths, "paths");
walk(document.components.responses, "responses");
problem("ok", `OpenAPI ${validator.version}`, `${schemas} schemas`, `${examples} examples`);
