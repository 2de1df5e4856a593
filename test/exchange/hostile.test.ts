// Clients that do not keep to SMTP, on both listeners of a running gateway: sessions and messages are refused, or come out exactly
// right; the process serves the next client; and nothing gets into a mailbox or to another host that the points have not made.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBuffer } from '../../src/mail/source.js'
import { openPecMessage, readCertified } from '../../src/pec/message.js'
import { verifyDetached } from '../../src/smime/verify.js'
import { Laboratory } from '../harness/laboratory.js'
import { TestGateway, choosePorts } from './gateway.js'
import { ANNA, assertServes, MARIO, type Rig } from './hostile.js'
import { MESSAGES } from './hostile-messages.js'
import { SESSIONS } from './hostile-sessions.js'

test('hostile clients', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp' })
  const ports = await choosePorts()
  const plan = { mailboxes: [MARIO, ANNA], routes: { 'altro.test': sink.port } }
  const rig = { lab, sink, ports, gateway: await TestGateway.open(lab, plan, ports) }
  for (const [name, scene] of Object.entries({ ...MESSAGES, ...SESSIONS })) {
    await t.test(name, async (inner) => {
      await scene(rig, inner)
      await assertServes(rig)
    })
  }
  await t.test('all that came into mailboxes or left was made by the points', () => assertAllWrapped(rig))
  await t.test('no line of the log holds a control character', () => {
    const lines = rig.gateway.instance.log.split('\n').filter((line) => /[^\P{Cc}\t]|[\u2028\u2029]/u.test(line))
    assert.deepEqual(lines, [])
  })
})

async function assertAllWrapped({ gateway, sink }: Rig): Promise<void> {
  await gateway.quiet()
  const letters = await Promise.all([MARIO, ANNA, 'ricevute@pec-a.test'].map((address) => gateway.letters(address)))
  const all = [...letters.flat().map((letter) => letter.bytes), ...sink.messages.map((message) => message.bytes)]
  assert.ok(all.length > 20)
  for (const whole of all) {
    const opened = await openPecMessage(fromBuffer(whole))
    const { signed } = opened
    assert.ok(signed?.form === 'detached', whole.toString('latin1', 0, 300))
    assert.equal((await verifyDetached(signed.content, signed.signature)).valid, true)
    assert.equal(opened.from?.address, 'posta-certificata@pec-a.test')
    if (opened.claimed !== 'anomaly') assert.equal((await readCertified(opened)).correct, true)
  }
}
