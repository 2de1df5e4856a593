/** The values of one section of an ini file, read one by one; what is wrong with them is collected. */
import { isAbsolute, join } from 'node:path'
import { parseEndpoint, type Endpoint } from './endpoint.js'

/** An ini file as Haraka's reader gives it: sections of keys. */
export type Ini = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>

/** Every reader gives the default for a key that is missing or empty. */
export class Values<Key extends string = string> {
  private readonly section: string
  private readonly values: Readonly<Record<string, unknown>>
  private readonly directory: string
  private readonly faults: string[]

  /** Relative paths are below `directory`; faults are added to the list. */
  constructor(section: string, ini: Ini, directory: string, faults: string[]) {
    this.section = section
    this.values = ini[section] ?? {}
    this.directory = directory
    this.faults = faults
  }

  /** Tells what is wrong, e.g. `first is not before second`. */
  fault(what: string): void {
    this.faults.push(`[${this.section}] ${what}`)
  }

  /** Missing without a default is a fault. */
  text(key: Key, fallback?: string): string {
    const value = this.values[key]
    if (Array.isArray(value)) this.fault(`${key}[] is not a setting: write ${key} with commas`)
    const text = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value).trim() : ''
    if (text !== '') return text
    if (fallback === undefined) this.fault(`${key} is missing`)
    return fallback ?? ''
  }

  /** Undefined where it is empty. */
  optionalText(key: Key): string | undefined {
    return this.text(key, '') || undefined
  }

  path(key: Key, fallback: string): string {
    return this.absolute(this.text(key, fallback))
  }

  /** Undefined where it is empty. */
  optionalPath(key: Key): string | undefined {
    const text = this.text(key, '')
    return text === '' ? undefined : this.absolute(text)
  }

  /** Files and web addresses, comma-separated. */
  sources(key: Key): string[] {
    return this.list(key).map((item) => (/^\w+:\/\//.test(item) ? item : this.absolute(item)))
  }

  oneOf<T extends string>(key: Key, values: readonly T[], fallback: T): T {
    return this.choose(key, this.text(key, fallback), values, fallback)
  }

  yes(key: Key, fallback: 'true' | 'false'): boolean {
    return this.oneOf(key, ['true', 'false'], fallback) === 'true'
  }

  number(key: Key, fallback: number, least = 1): number {
    const text = this.text(key, String(fallback))
    const value = /^\d+$/.test(text) ? Number(text) : NaN
    if (Number.isSafeInteger(value) && value >= least) return value
    this.fault(`${key} is ${text}, not a whole number of at least ${least}`)
    return fallback
  }

  decimal(key: Key, fallback: number): number {
    const text = this.text(key, String(fallback))
    if (/^-?\d{1,6}(?:\.\d{1,6})?$/.test(text)) return Number(text)
    this.fault(`${key} is ${text}, not a number`)
    return fallback
  }

  list(key: Key, fallback = ''): string[] {
    return this.text(key, fallback)
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  }

  ports(key: Key, fallback: string): number[] {
    return this.list(key, fallback).map((item) => {
      const port = /^\d{1,5}$/.test(item) ? Number(item) : 0
      if (port < 1 || port > 65535) this.fault(`${key}: ${item} is not a port`)
      return port
    })
  }

  endpoint(key: Key, fallback: string): Endpoint {
    return this.endpointOf(key, this.text(key, fallback))
  }

  /** Of a section of domains: each domain, lower case, with one of these values. */
  domainsWithOneOf<T extends string>(values: readonly T[], fallback: T): ReadonlyMap<string, T> {
    return new Map(this.domains().map(([domain, text]) => [domain, this.choose(domain, text, values, fallback)]))
  }

  /** Of a section of domains: each domain, lower case, with the place it leads to. */
  domainsWithEndpoints(): ReadonlyMap<string, Endpoint> {
    return new Map(this.domains().map(([domain, text]) => [domain, this.endpointOf(domain, text)]))
  }

  private domains(): [string, string][] {
    return Object.entries(this.values).map(([domain, value]) => [domain.trim().toLowerCase(), String(value).trim()])
  }

  private absolute(path: string): string {
    return isAbsolute(path) ? path : join(this.directory, path)
  }

  private choose<T extends string>(key: string, text: string, values: readonly T[], fallback: T): T {
    const found = values.find((value) => value === text)
    if (found === undefined) this.fault(`${key} is ${text}, not one of ${values.join(', ')}`)
    return found ?? fallback
  }

  private endpointOf(key: string, text: string): Endpoint {
    const endpoint = parseEndpoint(text)
    if (endpoint === undefined) this.fault(`${key} is ${text}, neither HOST:PORT nor the path of a socket`)
    return endpoint ?? { host: '', port: 0 }
  }
}
