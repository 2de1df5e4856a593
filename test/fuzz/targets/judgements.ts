/**
 * Messages of a provider, changed on their way: the verdict is never that of a certified message unless every byte that was signed
 * is still there, and then it says what the provider said.
 */
import assert from 'node:assert/strict'
import { fromBuffer, readAll, slice } from '../../../src/mail/source.js'
import { examine } from '../../../src/points/evidence.js'
import { judge, type Judgement } from '../../../src/points/judge.js'
import { encodeBase64 } from '../../../src/mail/transfer.js'
import { makeAll } from '../../pec/messages.js'
import { AT, provider, type FuzzProvider } from '../provider.js'
import { unlessRefused, type Target } from '../target.js'
import { CONTENT_WORDS, HEADER_WORDS } from '../texts.js'

interface Signed {
  readonly message: Buffer
  /** What was signed. */
  readonly content: Buffer
  readonly signature: Buffer
  readonly judgement: Judgement
}

async function signedMessages(house: FuzzProvider): Promise<Signed[]> {
  const { messages } = await makeAll(house.issuer, AT)
  const found: Signed[] = []
  for (const [name, { message, signature }] of messages) {
    const bytes = await readAll(message)
    const outer = /boundary="?(=_outer-[^"\r\n]+)/.exec(bytes.toString('latin1'))?.[1] ?? ''
    const start = bytes.indexOf(`--${outer}\r\n`) + outer.length + 4
    const content = bytes.subarray(start, bytes.indexOf(`\r\n--${outer}\r\n`, start))
    const judgement = await judge(message, AT, house.index, house.trust)
    assert.equal(judgement.verdict, name === 'transport' ? 'envelope' : name === 'anomaly' ? 'incorrect' : 'receipt')
    found.push({ message: bytes, content, signature, judgement })
  }
  return found
}

const WORDS = [
  ...[
    'X-Trasporto: posta-certificata\r\n',
    'X-Ricevuta: avvenuta-consegna\r\n',
    'From: <posta-certificata@gestore.test>\r\n',
    '--=_outer-transport\r\n',
  ],
  ...['--=_inner-transport\r\n', 'name="daticert.xml"', 'name="postacert.eml"', 'application/pkcs7-mime', 'multipart/mixed'],
]

export async function judgementTarget(): Promise<Target> {
  const house = await provider()
  const signed = await signedMessages(house)
  return {
    ...{
      name: 'judgement',
      corpus: signed.map(({ message }) => message),
      words: [...WORDS, ...HEADER_WORDS, ...CONTENT_WORDS],
      cases: 4000,
    },
    run: (input) => assertNothingForged(input, signed, house),
  }
}

/** The same with signatures that were taken apart. */
export async function forgeryTarget(): Promise<Target> {
  const house = await provider()
  const signed = await signedMessages(house)
  const [model] = signed
  assert.ok(model)
  const at = model.message.lastIndexOf('\r\n\r\n') + 4
  const end = model.message.lastIndexOf('\r\n--')
  const around = [model.message.subarray(0, at), model.message.subarray(end)] as const
  return {
    ...{ name: 'forgery', corpus: signed.map(({ signature }) => signature), format: 'der', cases: 1500 },
    run: (input) => {
      const base64 = encodeBase64(Buffer.alloc(0), input, true).output
      return assertNothingForged(Buffer.concat([around[0], base64, around[1]]), signed, house)
    },
  }
}

async function assertNothingForged(input: Buffer, signed: readonly Signed[], { index, trust }: FuzzProvider): Promise<void> {
  const source = fromBuffer(input)
  const read = await unlessRefused(() => judge(source, AT, index, trust))
  await unlessRefused(() =>
    examine(source, { now: AT, index, trust: { trust, lists: undefined } }).then(assertEvidence(input, signed)),
  )
  if (read === undefined || read.value.verdict === 'ordinary') return
  // Whatever a provider is said to have signed, it did sign.
  const genuine = signed.filter(({ content }) => input.includes(content))
  assert.ok(genuine.length > 0)
  const { value } = read
  if (value.verdict === 'incorrect') return
  const same = genuine.find(({ judgement }) => 'data' in judgement && judgement.daticert.equals(value.daticert))
  assert.ok(same && 'data' in same.judgement)
  assert.equal(value.verdict, same.judgement.verdict)
  assert.deepEqual(value.data, same.judgement.data)
  assert.equal(value.provider, same.judgement.provider)
  if (value.verdict === 'envelope' && same.judgement.verdict === 'envelope') {
    assert.equal(value.messageId, same.judgement.messageId)
    const original = await readAll(slice(source, value.original.start, value.original.end))
    const { start, end } = same.judgement.original
    assert.ok(original.equals(same.message.subarray(start, end)))
  }
}

/** A copy that is called intact holds what was signed, line ends aside. */
function assertEvidence(input: Buffer, signed: readonly Signed[]): (evidence: Awaited<ReturnType<typeof examine>>) => void {
  return ({ integrity }) => {
    if (integrity !== 'intact') return
    const lines = (bytes: Buffer): string => bytes.toString('latin1').replace(/\r?\n/g, '\n')
    const text = lines(input)
    assert.ok(signed.some(({ content }) => text.includes(lines(content))))
  }
}
