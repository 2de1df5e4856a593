/** A section of pec.ini: the keys that it may have, and what their values make. */
import type { Values } from './values.js'

export interface Section<T> {
  /** As it stands in brackets. */
  readonly name: string
  /** `free`: keys are domains, any number of them. */
  readonly keys: readonly string[] | 'free'
  readonly read: (values: Values) => T
}

/** A section with these keys; nobody reads another one by mistake. */
export function section<const Key extends string, T>(
  name: string,
  keys: readonly Key[],
  read: (values: Values<Key>) => T,
): Section<T> {
  return { name, keys, read }
}

/** A section of one line per domain. */
export function sectionOfDomains<T>(name: string, read: (values: Values<never>) => T): Section<T> {
  return { name, keys: 'free', read }
}
