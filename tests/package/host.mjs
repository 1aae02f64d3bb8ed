// What a desktop host does with a bundle it has unpacked: prints the command, arguments and variables to start it with,
// made by the bundle format's own library from the manifest and what the user filled in.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, modules, answers] = process.argv.slice(2);
const found = createRequire(pathToFileURL(`${modules}/package.json`)).resolve("@anthropic-ai/mcpb");
const { getMcpConfigForManifest } = await import(pathToFileURL(found));
const manifest = JSON.parse(readFileSync(`${folder}/manifest.json`, "utf8"));
const config = await getMcpConfigForManifest({
  manifest,
  extensionPath: folder,
  systemDirs: {},
  userConfig: JSON.parse(answers),
  pathSeparator: "/",
});
console.log(JSON.stringify(config));
