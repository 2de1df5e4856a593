/** Sessions of clients that do not keep to SMTP, with a running gateway. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { parseEntity, body } from '../../src/mail/entity.js'
import { fromBuffer, readAll } from '../../src/mail/source.js'
import type { Sink } from '../../src/lab/sink.js'
import type { Reply, SmtpClient } from '../../src/lab/smtp-client.js'
import { Laboratory } from '../harness/laboratory.js'
import { TestGateway, type Ports } from './gateway.js'
import type { Letter } from './letter.js'

export const MARIO = 'mario@pec-a.test'
export const ANNA = 'anna@pec-a.test'
export const STRANGER = 'ugo@altro.test'
export const PASSWORD = 'segreto'
/** From the end of a message to its answer; the machine may have other work. */
export const BOUND_MS = 20_000

export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

export interface Rig {
  readonly gateway: TestGateway
  readonly ports: Ports
  readonly sink: Sink
  readonly lab: Laboratory
}

export type Scene = (rig: Rig, t: TestContext) => Promise<void>

export type Listener = 'reception' | 'submission'
export const LISTENERS: readonly Listener[] = ['reception', 'submission']

/** A session that may send a message: of another host, or of one of our users. */
export async function sessionOn(listener: Listener, { gateway, lab, ports }: Rig): Promise<SmtpClient> {
  if (listener === 'submission') return gateway.session(MARIO)
  const client = await lab.client({ port: ports.mx, patienceMs: BOUND_MS })
  await client.ehlo()
  return client
}

export const senderOn = (listener: Listener): string => (listener === 'submission' ? MARIO : STRANGER)

/** A session up to the go-ahead for DATA. */
export async function inData(listener: Listener, rig: Rig, to = ANNA): Promise<SmtpClient> {
  const client = await sessionOn(listener, rig)
  assert.equal((await client.command(`MAIL FROM:<${senderOn(listener)}>`)).code, 250)
  assert.equal((await client.command(`RCPT TO:<${to}>`)).code, 250)
  assert.equal((await client.command('DATA')).code, 354)
  return client
}

/** Every reply until the server has no more to say, or has gone. */
export async function repliesOf(client: SmtpClient, most: number): Promise<number[]> {
  const codes: number[] = []
  try {
    while (codes.length < most) codes.push((await client.read()).code)
  } catch {
    // It closed the connection.
  }
  return codes
}

export const headerOf = (listener: Listener, subject: string, to = ANNA): string =>
  `From: <${senderOn(listener)}>\r\nTo: <${to}>\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@client.test>\r\nDate: Tue, 5 Nov 2024 10:00:00 +0100\r\n`

/** The next client is served as if nothing had been. */
export async function assertServes({ gateway, ports, lab }: Rig): Promise<void> {
  assert.equal(gateway.instance.exited, false)
  for (const port of [ports.mx, ports.starttls]) {
    const client = await lab.client({ port, patienceMs: BOUND_MS })
    assert.equal((await client.ehlo()).code, 250)
    client.destroy()
  }
}

export async function outcomeOf(reply: Promise<Reply>): Promise<{ readonly code: number; readonly text: string }> {
  const begun = performance.now()
  const { code, lines } = await reply
  assert.ok(performance.now() - begun < BOUND_MS)
  return { code, text: lines.join(' ') }
}

/** The letters of a mailbox that carry this subject, however they are wrapped. */
export async function lettersAbout(subject: string, { gateway }: Rig, address = ANNA): Promise<Letter[]> {
  await gateway.quiet()
  return (await gateway.letters(address)).filter((letter) => letter.values('Subject').some((value) => value.includes(subject)))
}

/** The message that a letter carries. */
export async function carriedIn({ bytes: whole }: Letter): Promise<Buffer> {
  const source = fromBuffer(whole)
  const { parts } = await parseEntity(source)
  const original = parts[0]?.parts.find(({ name }) => name === 'postacert.eml')
  assert.ok(original)
  return readAll(body(source, original))
}

/** A message that should never be one. */
export const SMUGGLED = `MAIL FROM:<evil@altro.test>\r\nRCPT TO:<${MARIO}>\r\nDATA\r\nSubject: contrabbando\r\n\r\nx\r\n.\r\n`
