// Writes the values of the sample pages as literals of TypeScript, each once as it is, and once with a changed field.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"

const samples = JSON.parse(readFileSync(new URL("samples.json", import.meta.url)))
const lines = ['import type { Texts } from "../magazine"']
// Without brackets, `__proto__` in a literal is no field; U+2028 ends a line for the compiler.
const literal = (value) =>
  JSON.stringify(value)
    .replaceAll('"__proto__":', '["__proto__"]:')
    .replace(/[\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
for (const [at, [, value]] of samples.texts.entries()) {
  lines.push(`export const value${at}: Texts = ${literal(value)}`)
  const wrong = [
    { ...value, text: null },
    { ...value, list: [1] },
    { ...value, map: { key: true } },
    { text: value.text, list: value.list },
    { ...value, more: 1 },
  ][at % 5]
  lines.push(`// @ts-expect-error`, `export const wrong${at}: Texts = ${literal(wrong)}`)
}
mkdirSync(new URL("build/", import.meta.url), { recursive: true })
writeFileSync(new URL("build/literals.ts", import.meta.url), lines.join("\n") + "\n")
