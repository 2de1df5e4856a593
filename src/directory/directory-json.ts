/** Values of a directory file's JSON, read one by one; what is wrong with them is added to the faults, with its place. */
import { isPasswordHash } from './password.js'

/** What cannot be read as a time must not make a temporary password a lasting one. */
export function readUntil(json: unknown, place: string, faults: string[]): string | undefined {
  if (json === undefined) return undefined
  if (typeof json === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/.test(json) && !Number.isNaN(Date.parse(json)))
    return json
  faults.push(`${place}: passwordUntil ${JSON.stringify(json)} is no time YYYY-MM-DDTHH:MM:SSZ`)
  return undefined
}

/** One of these words. */
export function readWord<T extends string>(
  json: unknown,
  words: readonly T[],
  name: string,
  place: string,
  faults: string[],
): T | undefined {
  const word = words.find((known) => known === json)
  if (word === undefined) faults.push(`${place}: the ${name} ${JSON.stringify(json)} is none of ${words.join(', ')}`)
  return word
}

/** What one of the words says; undefined where nothing is written. */
export function readWith<T>(
  parse: (text: string) => T | undefined,
  written: unknown,
  name: string,
  words: string,
  place: string,
  faults: string[],
): T | undefined {
  if (written === undefined) return undefined
  const value = typeof written === 'string' ? parse(written) : undefined
  if (value === undefined) faults.push(`${place}: ${name} ${JSON.stringify(written)} is none of ${words}`)
  return value
}

/** The value is not repeated: it could be a password in clear. */
export function readHash(json: unknown, place: string, faults: string[]): string {
  if (typeof json === 'string' && isPasswordHash(json)) return json
  faults.push(`${place}: the password is not a scrypt hash`)
  return ''
}

/** What is missing is empty. */
export function readList(json: unknown, name: string, place: string, faults: string[]): readonly unknown[] {
  if (json !== undefined && !Array.isArray(json)) faults.push(`${place}: ${name} is not a list`)
  return listOf(json)
}

/** Keys that nobody knows are faults: a slip of the pen must not go unnoticed. */
export function reportUnknown(
  json: Readonly<Record<string, unknown>>,
  known: readonly string[],
  place: string,
  faults: string[],
): void {
  for (const key of Object.keys(json)) if (!known.includes(key)) faults.push(`${place} has an unknown key ${JSON.stringify(key)}`)
}

export function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : []
}

export function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
