import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crlTeller, directoryTeller, takeOverTeller, tellIndex } from '../src/provider-events.js'
import { CrlCache } from '../src/smime/crl.js'
import { issueAuthority, issueRevocationList } from '../src/smime/issue.js'
import type { Occurrence } from '../src/watch/occurrence.js'
import { listening } from './haraka/listening.js'

const kinds = (told: readonly Occurrence[]): string[] =>
  told.map((occurrence) => ('part' in occurrence ? `${occurrence.kind} ${occurrence.part}` : occurrence.kind))

test('an index that is refused is a failure until one is taken over', () => {
  const told: Occurrence[] = []
  const watched = listening(told)
  tellIndex({ kind: 'refused', reason: 'it is empty', age: 5 }, watched)
  tellIndex({ kind: 'loaded', records: 2, domains: 3, faults: [] }, watched)
  assert.deepEqual(kinds(told), ['index-refused', 'failure index', 'index-synchronised', 'recovery index'])
})

test('a revocation list is told of when it is new, fails, or works again; lists work while all do', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'pec-crl-'))
  t.after(() => rm(directory, { recursive: true }))
  const [one, two] = [join(directory, 'one.crl'), join(directory, 'two.crl')]
  const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256' })
  const list = issueRevocationList({ authority, revoked: [] })
  await writeFile(one, list)
  await writeFile(two, list)
  const told: Occurrence[] = []
  const crls = new CrlCache({ sources: [one, two], onChange: crlTeller(listening(told)) })
  const refresh = async (): Promise<string[]> => {
    told.length = 0
    await crls.refresh()
    return kinds(told)
  }
  assert.deepEqual(await refresh(), ['crl-refreshed', 'crl-refreshed'])
  assert.deepEqual(await refresh(), [])
  await rm(one)
  assert.deepEqual(await refresh(), ['crl-failed', 'failure crl'])
  assert.deepEqual(await refresh(), [])
  await writeFile(one, list)
  assert.deepEqual(await refresh(), ['crl-refreshed', 'recovery crl'])
})

test('what is replaced is told of when it is taken over, and fails while it is not', () => {
  const told: Occurrence[] = []
  const tell = takeOverTeller(listening(told))
  const tellDirectory = directoryTeller(tell)
  tellDirectory({ kind: 'loaded', domains: 1 })
  assert.equal(told.length, 0)
  tell('keys', 'the signing key', { refused: 'it does not match' })
  tellDirectory({ kind: 'refused', reason: 'no JSON' })
  tellDirectory({ kind: 'loaded', domains: 2 })
  assert.deepEqual(kinds(told), ['failure configuration', 'reloaded'])
  tell('keys', 'the signing key', { taken: 'valid until tomorrow' })
  assert.deepEqual(kinds(told).slice(2), ['reloaded', 'recovery configuration'])
  const [last] = told.filter((occurrence) => occurrence.kind === 'reloaded').slice(-1)
  assert.deepEqual([last?.what, last?.detail], ['keys', 'the signing key: valid until tomorrow'])
})
