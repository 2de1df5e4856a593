// Certified messages between the gateway and another provider's software, in both directions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Laboratory } from '../harness/laboratory.js'
import { assertFlawless, lacking } from './checker.js'
import { choosePorts, TestGateway } from './gateway.js'
import { about, isOf, type Letter } from './letter.js'
import {
  DEEP,
  EIGHT_BIT,
  ENCLOSED,
  LONG_LINES,
  ONE_PART,
  original,
  PLAIN,
  SIGNED,
  WITH_ATTACHMENT,
  WITH_MESSAGE,
  type Shape,
} from './originals.js'
import { OUR_NAME, Peer } from './peer.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const OUR_RECEIPTS = 'ricevute@pec-a.test'
const UGO = 'ugo@pec-b.test'
const EVA = 'eva@altra-b.test'
const ZOE = 'zoe@mail.test'

interface Case {
  readonly what: string
  readonly shape: Shape
  readonly type?: 'completa' | 'breve' | 'sintetica'
  readonly clientId?: boolean
}

const CASES: readonly Case[] = [
  { what: 'a plain message', shape: PLAIN },
  { what: 'a brief receipt', shape: WITH_ATTACHMENT, type: 'breve' },
  { what: 'a concise receipt', shape: WITH_ATTACHMENT, type: 'sintetica' },
  { what: 'a complete receipt, asked for', shape: WITH_ATTACHMENT, type: 'completa' },
  { what: 'no Message-ID of the client', shape: PLAIN, clientId: false },
  { what: 'lines of 998 octets', shape: LONG_LINES },
  { what: 'an 8-bit original', shape: EIGHT_BIT },
  { what: 'an S/MIME original, brief', shape: SIGNED, type: 'breve' },
  { what: 'an enclosed S/MIME original, brief', shape: ENCLOSED, type: 'breve' },
  { what: 'a message within the message, brief', shape: WITH_MESSAGE, type: 'breve' },
  { what: 'a message within the message', shape: WITH_MESSAGE },
  { what: 'deep parts, brief', shape: DEEP, type: 'breve' },
  { what: 'one named part, brief', shape: ONE_PART, type: 'breve' },
]

function messageOf(
  { what, shape: [more, body], type, clientId }: Case,
  number: number,
  from: string,
  to: string[],
  cc: string[],
) {
  const fields = [
    ...(clientId === false ? [] : [`Message-ID: <client.${number}@client.test>`]),
    ...(type === undefined ? [] : [`X-TipoRicevuta: ${type}`]),
    more,
  ]
  return original({ from, to, cc }, `Prova ${number}: ${what}`, fields.join('\n'), body)
}

const ofOne = (letters: readonly Letter[], identifier: string): Letter[] => letters.filter(about(identifier))
const pathsOf = (...letters: readonly (readonly Letter[])[]): string[] => letters.flat().map(({ path }) => path)

test('with another provider', { skip: lacking, timeout: 240_000 }, async (t) => {
  const lab = new Laboratory(t)
  const peer = await Peer.open(lab, { twins: false })
  const ordinary = await lab.sink({ protocol: 'smtp' })
  const ports = await choosePorts()
  const exchanger = await peer.exchanger('--answer', '--send-to', `127.0.0.1:${ports.mx}`)
  const routes = { 'pec-b.test': exchanger.port, 'altra-b.test': exchanger.port, 'mail.test': ordinary.port }
  const plan = { name: OUR_NAME, keys: peer.keys, mailboxes: [MARIO, LUCIA], routes }
  const gateway = await TestGateway.open(lab, plan, ports)

  await t.test('our user’s messages come to their recipients, and every receipt back', async (t) => {
    const identifiers: string[] = []
    for (const [number, each] of CASES.entries())
      identifiers.push(await gateway.submitted(MARIO, [UGO, EVA, ZOE], messageOf(each, number, MARIO, [UGO, ZOE], [EVA])))
    // The acceptance, and one outcome for each PEC recipient; a take-charge receipt for each of the two domains.
    const mine = await gateway.waitForLetters(MARIO, 3 * CASES.length)
    const charges = await gateway.waitForLetters(OUR_RECEIPTS, 2 * CASES.length)
    const envelopes = (await exchanger.letters()).filter(isOf('transport'))
    for (const [number, { what }] of CASES.entries()) {
      await t.test(what, async () => {
        const identifier = identifiers[number] ?? ''
        for (const recipient of [UGO, EVA]) assert.equal(await gateway.outcomeOf(identifier, recipient), 'delivered')
        const exchange = [envelopes, mine, charges].map((letters) => ofOne(letters, identifier))
        assert.deepEqual(
          exchange.map((letters) => letters.length),
          [2, 3, 2],
        )
        await assertFlawless(pathsOf(...exchange), peer.standards, 'exchange')
        const [envelope] = exchange[0] ?? []
        const copies = ordinary.messages.filter(({ bytes }) => envelope !== undefined && bytes.equals(envelope.bytes))
        assert.deepEqual(
          copies.map(({ from, to }) => [from, to]),
          [[MARIO, [ZOE]]],
        )
      })
    }
  })

  await t.test('its users’ messages come to ours, and every receipt back', async (t) => {
    // peer.py takes originals that are 7-bit, as any provider must make them.
    const cases = CASES.filter(({ shape }) => shape !== EIGHT_BIT)
    const originals = cases.map((each, number) => messageOf(each, number, UGO, [MARIO, ZOE], [LUCIA]))
    const paths = await Promise.all(originals.map((bytes) => peer.keep(bytes)))
    const envelopes = await peer.make(
      ...paths.map((path) => ({ make: 'envelope', options: { original: path, ordinary: [ZOE] } }) as const),
    )
    const seen = (await exchanger.letters()).length
    const [first, ...others] = envelopes
    assert.ok(first !== undefined)
    await peer.submit(first, UGO, [MARIO, LUCIA], gateway.mxPort)
    for (const { bytes } of others) assert.equal((await gateway.bring({ from: UGO, to: [MARIO, LUCIA] }, bytes)).dot?.code, 250)
    await gateway.until('receipts at the peer', async () => (await exchanger.letters()).length >= seen + 3 * cases.length)
    await gateway.quiet()
    const receipts = (await exchanger.letters()).slice(seen)
    const inboxes = [await gateway.letters(MARIO), await gateway.letters(LUCIA)]
    for (const [number, { what }] of cases.entries()) {
      await t.test(what, async () => {
        const envelope = envelopes[number]
        assert.ok(envelope?.data !== undefined)
        const answers = ofOne(receipts, envelope.data.identifier)
        assert.deepEqual(answers.map(({ kind }) => kind).sort(), ['delivery', 'delivery', 'take-charge'])
        await assertFlawless(pathsOf([envelope], answers), peer.standards, 'exchange')
        for (const inbox of inboxes)
          assert.deepEqual(
            ofOne(inbox, envelope.data.identifier).map(({ bytes }) => bytes),
            [envelope.bytes],
          )
      })
    }
  })
})
