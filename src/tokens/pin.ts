/** The PIN of tokens: never in the settings themselves, never in a log. */
import { open } from 'node:fs/promises'
import { PecError, reasonOf } from '../errors.js'

export type PinPlace = { readonly file: string } | { readonly variable: string }

const OTHERS = 0o077

/** Rejects with PecError 'configuration'. A file that others than its owner may read is refused. */
export async function readPin(place: PinPlace): Promise<string> {
  const pin = 'variable' in place ? fromEnvironment(place.variable) : await fromFile(place.file)
  if (pin === '') throw new PecError('configuration', 'the PIN of the tokens is empty')
  return pin
}

function fromEnvironment(variable: string): string {
  const value = process.env[variable]
  if (value === undefined)
    throw new PecError('configuration', `the environment variable ${variable} with the PIN of the tokens is not set`)
  return value
}

async function fromFile(path: string): Promise<string> {
  try {
    const file = await open(path)
    try {
      const { mode } = await file.stat()
      if ((mode & OTHERS) !== 0) throw new Error('others than its owner may read it: make its mode 600')
      return (await file.readFile('utf8')).replace(/\r?\n$/, '')
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new PecError('configuration', `the PIN file ${path} cannot be used: ${reasonOf(error)}`)
  }
}
