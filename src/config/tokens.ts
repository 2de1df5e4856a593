import { section } from './section.js'

/** A key in one or two PKCS#11 tokens. */
export interface TokensConfig {
  /** The PKCS#11 library. */
  readonly module: string
  /** The first is preferred: a label, or `serial:` and a serial number. */
  readonly tokens: readonly string[]
  /** CKA_LABEL; undefined for any. */
  readonly keyLabel: string | undefined
  /** CKA_ID, hex; undefined for any. */
  readonly keyId: string | undefined
  readonly pin: { readonly file: string } | { /** Of the environment. */ readonly variable: string }
  /** Operations at a time, of one process with one token. */
  readonly sessions: number
  /** Seconds of one operation. */
  readonly timeout: number
}

const KEYS = [
  'module',
  'token',
  'second_token',
  'key_label',
  'key_id',
  'pin_file',
  'pin_variable',
  'sessions',
  'timeout',
] as const

/** [tokens]: undefined where the key is in a file. */
export const tokens = section('tokens', KEYS, (values): TokensConfig | undefined => {
  const module = values.optionalPath('module')
  const names = [values.optionalText('token'), values.optionalText('second_token')].filter((name) => name !== undefined)
  const keyLabel = values.optionalText('key_label')
  const id = values.optionalText('key_id')
  const keyId = id?.replace(/^0x/i, '')
  const file = values.optionalPath('pin_file')
  const variable = values.optionalText('pin_variable')
  const sessions = values.number('sessions', 8)
  const timeout = values.number('timeout', 5)
  if (module === undefined) {
    if (names.length > 0) values.fault('token is set, but not module')
    return undefined
  }
  if (names.length === 0) values.fault('module is set, but not token')
  if (names.length === 2 && names[0] === names[1]) values.fault('token and second_token are the same')
  if (keyLabel === undefined && keyId === undefined) values.fault('module is set, but neither key_label nor key_id')
  // Whole numbers come here without their leading zeros.
  for (const name of names) if (/^\d+$/.test(name)) values.fault(`token ${name}: write label:NUMBER or serial:NUMBER`)
  if (id !== undefined && !/^0x(?:[0-9a-f]{2})+$/i.test(id))
    values.fault(`key_id is ${id}, not pairs of hexadecimal digits after 0x`)
  if ((file === undefined) === (variable === undefined)) values.fault('module is set: give one of pin_file and pin_variable')
  const pin = variable === undefined ? { file: file ?? '' } : { variable }
  return { module, tokens: names, keyLabel, keyId, pin, sessions, timeout }
})
