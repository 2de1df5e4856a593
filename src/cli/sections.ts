/** Reports for people at a terminal: titled sections of labels and values, and lists. */
import { shown } from './verify-words.js'

/** A label and the lines beside it. */
export type Row = readonly [label: string, ...values: readonly string[]]

const COLUMN = 18

export function row(label: string, value: string | undefined): Row[] {
  return value === undefined ? [] : [[label, shown(value)]]
}

export function section(title: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return []
  const lines = rows.flatMap(([label, ...values]) =>
    values.map((value, position) => `  ${(position === 0 ? label : '').padEnd(COLUMN)}${value}`),
  )
  return [title, ...lines, '']
}

export function list(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [title, ...items.map((item) => `  - ${item}`), '']
}
