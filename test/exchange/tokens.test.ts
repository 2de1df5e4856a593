// The gateway with its key in two tokens of SoftHSM2: one may fail under load, and with none nothing is taken.
import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setKeys } from '../../src/cli/settings.js'
import { Laboratory } from '../harness/laboratory.js'
import { PIN, SOFTHSM, SoftHsm } from '../../src/lab/softhsm.js'
import { assertFlawless, lacking } from './checker.js'
import { TestGateway } from './gateway.js'
import { isOf } from './letter.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const CLIENTS = 6

const message = original({ from: MARIO, to: [LUCIA] }, 'Offerta', ...PLAIN)

test('a token that fails under load costs no message, nor does it cost one when both do', { timeout: 180_000 }, async (t) => {
  const lab = new Laboratory(t)
  const hsm = await SoftHsm.make(await lab.directory())
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO, LUCIA],
    environment: { SOFTHSM2_CONF: hsm.config },
    settings: {
      tokens: { module: SOFTHSM, token: 'first', second_token: 'second', key_label: 'pec', pin_file: 'config/pin' },
    },
    prepare: async (directory) => {
      const key = join(directory, 'config', 'pec_key.pem')
      for (const label of ['first', 'second']) await hsm.addToken(label, await readFile(key, 'utf8'))
      await rm(key)
      await writeFile(join(directory, 'config', 'pin'), PIN, { mode: 0o600 })
      await setKeys(join(directory, 'config', 'smtp.ini'), { main: { nodes: '2' } })
    },
  })

  let [going, taken] = [true, 0]
  const client = async (): Promise<void> => {
    while (going) {
      await gateway.submitted(MARIO, [LUCIA], message)
      taken += 1
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, client))
  clients.catch(() => undefined)
  const more = async (count: number): Promise<void> => {
    const enough = taken + count
    await Promise.race([clients, gateway.until('more messages', () => taken >= enough)])
  }
  await more(10)
  await hsm.takeAway('first')
  await gateway.until('take-over', () => /token first: .*does not sign/.test(gateway.instance.log))
  await more(10)
  await hsm.putBack('first')
  await gateway.until('way back', () => /token first signs again/.test(gateway.instance.log))
  await more(10)
  going = false
  await clients
  assert.doesNotMatch(gateway.instance.log, /signer does not work/)

  await hsm.takeAway('first')
  await hsm.takeAway('second')
  for (let tries = 0; tries < 3; tries++) {
    const { dot } = await gateway.submit(MARIO, [LUCIA], message)
    assert.equal(dot?.code, 450)
    assert.match(dot.lines.join(' '), /^4\.3\.0 /)
  }
  await hsm.putBack('second')
  await gateway.until('the second token', async () => (await gateway.submit(MARIO, [LUCIA], message)).dot?.code === 250)
  taken += 1

  await gateway.quiet()
  const receipts = await gateway.waitForLetters(MARIO, 2 * taken)
  assert.equal(receipts.filter(isOf('acceptance')).length, taken)
  assert.equal(receipts.filter(isOf('delivery')).length, taken)
  await gateway.waitForLetters(LUCIA, taken)
  assert.ok(!gateway.instance.log.includes(PIN))
  const some = [receipts[0], receipts.at(-1)].flatMap((letter) => (letter === undefined ? [] : [letter.path]))
  if (lacking === false) await assertFlawless(some, { ca: join(gateway.directory, 'config', 'pec_anchors.pem') })
})
