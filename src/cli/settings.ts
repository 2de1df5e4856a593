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
  const lines = linesOf(text)
  const live = new Set(
    lines.flatMap(({ section, key, isComment }) => (key === undefined || isComment ? [] : [`${section} ${key}`])),
  )
  const result: string[] = []
  const left = new Map(Object.entries(values).map(([section, keys]) => [section, new Map(Object.entries(keys))]))
  let current = 'main'
  const finish = (): void => {
    for (const [key, value] of left.get(current) ?? []) insertBeforeBlanks(result, `${key} = ${value}`)
    left.delete(current)
  }
  for (const { line, section, key, isComment } of lines) {
    if (section !== current) finish()
    current = section
    const value = key === undefined || (isComment && live.has(`${section} ${key}`)) ? undefined : left.get(section)?.get(key)
    if (key === undefined || value === undefined) result.push(line)
    else {
      left.get(section)?.delete(key)
      result.push(`${key} = ${value}`)
    }
  }
  finish()
  for (const [name, keys] of left) result.push(`[${name}]`, ...[...keys].map(([key, value]) => `${key} = ${value}`), '')
  return result.join('\n')
}

interface Line {
  readonly line: string
  readonly section: string
  /** What it sets, or would set if it were no comment. */
  readonly key: string | undefined
  readonly isComment: boolean
}

function linesOf(text: string): readonly Line[] {
  let section = 'main'
  return text.split('\n').map((line) => {
    section = /^\[([\w-]+)\]/.exec(line)?.[1] ?? section
    return { line, section, key: /^;? ?(\w+) ?=/.exec(line)?.[1], isComment: line.startsWith(';') }
  })
}

function insertBeforeBlanks(lines: string[], line: string): void {
  let end = lines.length
  while (end > 0 && lines[end - 1]?.trim() === '') end--
  lines.splice(end, 0, line)
}
