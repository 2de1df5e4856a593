import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Laboratory } from '../harness/laboratory.js'
import { pecCheck, pecCheckIsMissing } from '../harness/pec-check.js'
import { assertNothingLeft, startDemo } from './running.js'

/** How many there are of each, by their words on the wire. */
const KINDS = {
  'non-accettazione': 3,
  accettazione: 3,
  'presa-in-carico': 2,
  'errore-consegna': 4,
  'rilevazione-virus': 1,
  errore: 3,
  'posta-certificata': 1,
  'preavviso-errore-consegna': 2,
}

test(
  'every notice and anomaly comes, is right in the eyes of an outside judge, and nothing else is left',
  { timeout: 240_000 },
  async (t) => {
    const out = join(await new Laboratory(t).directory(), 'kept')
    const demo = await startDemo(t, '--scenario', 'refusals', '--out', out)
    assert.equal(await demo.ended, 0, demo.output())
    await assertNothingLeft(demo)

    const names = (await readdir(out)).filter((name) => name.endsWith('.eml')).sort()
    const counts: Record<string, number> = {}
    for (const name of names) {
      const kind = name.slice('NN-'.length, -'.eml'.length)
      counts[kind] = (counts[kind] ?? 0) + 1
    }
    assert.deepEqual(counts, KINDS)
    for (const code of ['5.1.1', '5.2.1', '5.2.2', '5.4.1']) assert.match(demo.output(), new RegExp(`"${code} - Provider B - `))
    assert.match(demo.output(), /Provider A: 552 5\.3\.4 .*\n(.*\n)*.*Provider A: 452 4\.5\.3 /)
    assert.match(demo.output(), /3 and 7 seconds in place of 12 hours and 22 to 24/)

    await t.test('the conformance checker finds nothing', { skip: pecCheckIsMissing }, async () => {
      const messages = await Promise.all(names.map((name) => readFile(join(out, name))))
      const [ca, crl, index] = ['ca.pem', 'crl.pem', 'index.ldif'].map((name) => join(out, name)) as [string, string, string]
      const found = pecCheck(messages, '--ca', ca, '--crl', crl, '--index', index)
      assert.match(found, /^19 messages, 0 findings$/m, found)
    })
  },
)
