/** Changes single values of an ini file and leaves its comments as they are. */
import { readFile, writeFile } from 'node:fs/promises'

export type Values = Readonly<Record<string, Readonly<Record<string, string>>>>

/**
 * Sets keys, section by section ('main' is what stands before the first one). A key that is only there as a comment
 * (`; key = value`) is set in that place; one that is nowhere is added at the end of its section.
 */
export async function setKeys(path: string, values: Values): Promise<void> {
  await writeFile(path, withKeys(await readFile(path, 'utf8'), values))
}

export function withKeys(text: string, values: Values): string {
  const result: string[] = []
  const left = new Map(Object.entries(values).map(([section, keys]) => [section, new Map(Object.entries(keys))]))
  let section = 'main'
  const finish = (): void => {
    for (const [key, value] of left.get(section) ?? []) insertBeforeBlanks(result, `${key} = ${value}`)
    left.delete(section)
  }
  for (const line of text.split('\n')) {
    const heading = /^\[([\w-]+)\]/.exec(line)?.[1]
    if (heading !== undefined) {
      finish()
      section = heading
    }
    const key = /^;? ?(\w+) ?=/.exec(line)?.[1] ?? ''
    const value = left.get(section)?.get(key)
    if (value === undefined) result.push(line)
    else {
      left.get(section)?.delete(key)
      result.push(`${key} = ${value}`)
    }
  }
  finish()
  for (const [name, keys] of left) result.push(`[${name}]`, ...[...keys].map(([key, value]) => `${key} = ${value}`), '')
  return result.join('\n')
}

function insertBeforeBlanks(lines: string[], line: string): void {
  let end = lines.length
  while (end > 0 && lines[end - 1]?.trim() === '') end--
  lines.splice(end, 0, line)
}
