// Other providers and ordinary hosts that refuse, fail, dawdle or do not keep to the rules: what our user is told, once, and what
// never leaves in clear. RFC 6109 §2.2.2, §5.3; pec.md 17.7
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Answer, Occasion, Script, Sink } from '../../src/lab/sink.js'
import { ownRecordLdif } from '../../src/providers/own-record.js'
import { issueAuthority, issueProviderCertificate } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { tlsIdentity } from '../harness/certificates.js'
import { Laboratory } from '../harness/laboratory.js'
import { assertFlawless, lacking } from './checker.js'
import { TestGateway } from './gateway.js'
import { about, isOf, type Letter } from './letter.js'
import { original, PLAIN } from './originals.js'
import { startNames } from './names.js'

const MARIO = 'mario@pec-a.test'
const SERVICE = 'posta-certificata@pec-a.test'
const OURS = 'Gestore A S.p.A.'

/** A host that refuses, and what the notice says of it. */
interface Refusal {
  readonly script: Script
  readonly error: 'no-recipient' | 'no-domain' | 'other'
  readonly detail: string
}

/** Another provider's hosts, by the first label of their domain: NAME.peer.test. */
const PEERS: Readonly<Record<string, Refusal>> = {
  mail: { script: { mail: '550 5.7.1 you may not' }, error: 'other', detail: `5.7.1 - ${OURS} - you may not` },
  rcpt: { script: { rcpt: '550 5.1.1 no such user' }, error: 'no-recipient', detail: `5.1.1 - ${OURS} - no such user` },
  domain: { script: { rcpt: '550 5.1.2 no such domain' }, error: 'no-domain', detail: `5.1.2 - ${OURS} - no such domain` },
  data: { script: { data: '554 5.3.0 no data' }, error: 'other', detail: `5.3.0 - ${OURS} - no data` },
  dot: { script: { dot: '554 5.6.0 not like this' }, error: 'other', detail: `5.6.0 - ${OURS} - not like this` },
  bare: { script: { rcpt: '550 go away' }, error: 'other', detail: `5.0.0 - ${OURS} - 550 go away` },
  lines: {
    script: { rcpt: '550 5.2.2 full\n550 5.2.2 to the brim' },
    error: 'other',
    detail: `5.2.2 - ${OURS} - full to the brim`,
  },
}

/** Hosts of ordinary mail: NAME.mail.test. */
const ORDINARY: Readonly<Record<string, Refusal>> = {
  rcpt: { script: { rcpt: '550 5.1.1 no such user' }, error: 'other', detail: `5.1.1 - ${OURS} - no such user` },
  dot: { script: { dot: '552 5.2.2 full' }, error: 'other', detail: `5.2.2 - ${OURS} - full` },
}

/** Per recipient, by the part before the @. */
const byUser = (answers: Readonly<Record<string, readonly Answer[]>>) => {
  const asked = new Map<string, number>()
  return ({ argument }: Occasion): Answer | undefined => {
    const [user = ''] = argument.split('@')
    const turn = asked.get(user) ?? 0
    asked.set(user, turn + 1)
    return answers[user]?.[Math.min(turn, answers[user].length - 1)]
  }
}

const LATE_MS = 33_000

test('towards other hosts', { timeout: 240_000 }, async (t) => {
  const lab = new Laboratory(t)
  const tls = await tlsIdentity()
  const sinks = new Map<string, Sink>()
  const peer = async (name: string, script: Script = {}): Promise<void> =>
    void sinks.set(`${name}.peer.test`, await lab.sink({ protocol: 'smtp', tls, script }))
  const clear = async (domain: string, script: Script = {}): Promise<void> =>
    void sinks.set(domain, await lab.sink({ protocol: 'smtp', script }))
  for (const [name, { script }] of Object.entries(PEERS)) await peer(name, script)
  for (const [name, { script }] of Object.entries(ORDINARY)) await clear(`${name}.mail.test`, script)
  await peer('good')
  await peer('some', { rcpt: byUser({ no: ['550 5.1.1 no'], later: ['450 4.2.0 later', '250 2.1.5 now'] }) })
  await peer('forwards', { rcpt: byUser({ away: ['251 2.1.5 will forward'], maybe: ['252 2.1.5 will try'] }) })
  await peer('slow', { dot: { reply: '250 2.0.0 at last', afterMs: LATE_MS } })
  await peer('verified')
  await peer('forgetful', { dot: ({ earlier }) => (earlier === 0 ? 'drop' : undefined) })
  await peer('drops-tls', { starttls: 'drop' })
  await peer('refuses-tls', { starttls: '502 5.5.1 no' })
  await clear('clear.peer.test')
  const old: Sink = await lab.sink({
    protocol: 'smtp',
    script: { hello: () => (old.commands.at(-1)?.startsWith('EHLO') === true ? '502 5.5.1 what?' : '250 old.test') },
  })
  sinks.set('old.peer.test', old)
  await clear('gibberish.peer.test', { hello: 'HTTP/1.1 400 Bad Request' })
  await clear('good.mail.test')
  await clear('forwards.mail.test', { rcpt: '251 2.1.5 will forward' })
  await clear('never.mail.test', { mail: '451 4.3.0 later' })

  const domains = [...sinks.keys(), 'gone.peer.test'].filter((domain) => domain.endsWith('.peer.test'))
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO],
    index: await indexOf(lab, domains),
    routes: Object.fromEntries([...sinks].map(([domain, { port }]) => [domain, port])),
    // Long enough for a host to change its mind, short enough for one that never does.
    outbound: { temp_fail_intervals: '5s*7' },
    settings: { peer_tls: { 'verified.peer.test': 'verified' } },
    environment: await startNames(lab),
  })
  const at = (domain: string): Sink => {
    const sink = sinks.get(domain)
    assert.ok(sink !== undefined)
    return sink
  }
  const send = (...to: readonly string[]): Promise<string> => {
    const [more, body] = PLAIN
    return gateway.submitted(MARIO, to, original({ from: MARIO, to }, 'Prova', more, body))
  }
  /** The notices and receipts about a message, but for its acceptance. */
  const notices = async (identifier: string, count: number): Promise<Letter[]> => {
    const ours = (letter: Letter): boolean => about(identifier)(letter) && letter.kind !== 'acceptance'
    return gateway.waitForLetters(MARIO, count, ours)
  }
  const relays = async (identifier: string) => (await gateway.ledger.eventsOf(identifier)).filter(({ type }) => type === 'relay')
  const told = ([notice]: readonly Letter[]): unknown[] => [
    notice?.kind,
    notice?.data?.error,
    notice?.data?.errorDetail,
    notice?.data?.delivery,
  ]

  // What takes its time begins first.
  const slow = await send('ugo@slow.peer.test')
  const never = await send('max@never.mail.test')
  const unreachable = ['clear', 'old', 'gibberish', 'refuses-tls', 'drops-tls', 'verified']
  const held = new Map<string, string>()
  for (const name of unreachable) held.set(name, await send(`ugo@${name}.peer.test`))

  for (const [name, { error, detail }] of Object.entries(PEERS)) {
    await t.test(`a provider that refuses at ${name} ends the waiting at once`, async () => {
      const recipient = `ugo@${name}.peer.test`
      const identifier = await send(recipient)
      assert.deepEqual(told(await notices(identifier, 1)), ['non-delivery', error, detail, recipient])
      assert.equal(await gateway.outcomeOf(identifier, recipient), 'not-delivered')
    })
  }
  for (const [name, { error, detail }] of Object.entries(ORDINARY)) {
    await t.test(`an ordinary host that refuses at ${name} is told of, and not tracked`, async () => {
      const recipient = `max@${name}.mail.test`
      const identifier = await send(recipient)
      assert.deepEqual(told(await notices(identifier, 1)), ['non-delivery', error, detail, recipient])
      assert.equal(await gateway.outcomeOf(identifier, recipient), undefined)
    })
  }

  await t.test('a domain that does not exist ends the waiting at once', async () => {
    const [certified, plain] = ['ugo@gone.peer.test', 'max@gone.mail.test']
    const identifier = await send(certified, plain)
    const found = await notices(identifier, 2)
    const about = (recipient: string): Letter[] => found.filter(({ data }) => data?.delivery === recipient)
    assert.deepEqual(told(about(certified)).slice(0, 2), ['non-delivery', 'no-domain'])
    assert.deepEqual(told(about(plain)).slice(0, 2), ['non-delivery', 'other'])
    assert.equal(await gateway.outcomeOf(identifier, certified), 'not-delivered')
  })

  await t.test('of several recipients each has the outcome of its own', async () => {
    const [yes, no, later] = ['yes@some.peer.test', 'no@some.peer.test', 'later@some.peer.test']
    const identifier = await send(yes, no, later)
    const sink = at('some.peer.test')
    await sink.waitFor(2, 30_000)
    assert.deepEqual(
      sink.messages.map(({ accepted }) => accepted),
      [[yes], [later]],
    )
    assert.ok(
      sink.messages.every(({ from, bytes }) => from === MARIO && bytes.equals(sink.messages[0]?.bytes ?? Buffer.alloc(0))),
    )
    assert.deepEqual(told(await notices(identifier, 1)), ['non-delivery', 'no-recipient', `5.1.1 - ${OURS} - no`, no])
    assert.deepEqual(await Promise.all([yes, no, later].map((each) => gateway.outcomeOf(identifier, each))), [
      undefined,
      'not-delivered',
      undefined,
    ])
  })

  await t.test('a recipient answered with 251 or 252 is one that was taken', async () => {
    const [yes, away, maybe] = ['yes@forwards.peer.test', 'away@forwards.peer.test', 'maybe@forwards.peer.test']
    const all = await send(yes, away, maybe)
    const alone = await send(away)
    const ordinary = await send('max@forwards.mail.test')
    const taken = await at('forwards.peer.test').waitFor(2)
    assert.deepEqual(
      taken.map(({ to }) => to),
      [[yes, away, maybe], [away]],
    )
    await at('forwards.mail.test').waitFor(1)
    const relayed = [
      [all, [yes, away, maybe]],
      [alone, [away]],
      [ordinary, ['max@forwards.mail.test']],
    ] as const
    for (const [identifier, recipients] of relayed) {
      await gateway.until('the row of the register', async () => (await relays(identifier)).length > 0)
      assert.deepEqual(
        (await relays(identifier)).map((event) => event.recipients),
        [recipients],
      )
      assert.deepEqual(await notices(identifier, 0), [])
    }
  })

  await t.test('a connection lost at the final dot means another attempt, and nothing told', async () => {
    const identifier = await send('ugo@forgetful.peer.test')
    await at('forgetful.peer.test').waitFor(2, 30_000)
    assert.deepEqual(await notices(identifier, 0), [])
    assert.equal(await gateway.outcomeOf(identifier, 'ugo@forgetful.peer.test'), undefined)
  })

  await t.test('a self-signed certificate is good enough to encrypt for', async () => {
    const identifier = await send('ugo@good.peer.test')
    const [message] = await at('good.peer.test').waitFor(1)
    assert.equal(message?.secured, true)
    await gateway.until('the row of the register', async () => (await relays(identifier)).length === 1)
  })

  await t.test('an ordinary host without TLS gets its mail in clear', async () => {
    await send('max@good.mail.test')
    const [message] = await at('good.mail.test').waitFor(1)
    assert.equal(message?.secured, false)
  })

  for (const name of unreachable) {
    await t.test(`an envelope for a provider that is ${name} never leaves in clear, and waits`, async () => {
      const identifier = held.get(name) ?? ''
      const { commands, messages } = at(`${name}.peer.test`)
      await gateway.until('a second attempt', () => commands.filter((line) => /^EHLO/.test(line)).length > 1)
      assert.deepEqual(
        commands.filter((line) => /^(?:MAIL|RCPT|DATA)/.test(line)),
        [],
      )
      assert.deepEqual(messages, [])
      assert.deepEqual(await notices(identifier, 0), [])
      assert.equal(await gateway.outcomeOf(identifier, `ugo@${name}.peer.test`), undefined)
    })
  }

  await t.test('a slow answer to the final dot is waited for: one copy', async () => {
    const sink = at('slow.peer.test')
    await gateway.until('the answer', async () => (await relays(slow)).length > 0, LATE_MS + 20_000)
    assert.equal(sink.messages.length, 1)
    assert.deepEqual(await notices(slow, 0), [])
  })

  await t.test('an ordinary host that never takes a message is told of when it is given up', async () => {
    const found = await notices(never, 1)
    assert.deepEqual(told(found).slice(0, 2), ['non-delivery', 'other'])
    assert.match(found[0]?.data?.errorDetail ?? '', /^5\.\d\.\d - Gestore A S\.p\.A\. - .*later/)
  })

  await t.test('a delivery report to our service mailbox, or to our user, ends there', async () => {
    const report = original(
      { from: 'MAILER-DAEMON@good.mail.test', to: [SERVICE] },
      'Undelivered',
      `Message-ID: <report@good.mail.test>\n${PLAIN[0]}`,
      PLAIN[1],
    )
    for (const recipient of [SERVICE, MARIO])
      assert.equal((await gateway.bring({ from: '', to: [recipient] }, report)).dot?.code, 250)
    const found = [...(await gateway.waitForLetters(SERVICE, 1)), ...(await gateway.waitForLetters(MARIO, 1, isOf('anomaly')))]
    assert.deepEqual(
      found.map(({ kind }) => kind),
      ['anomaly', 'anomaly'],
    )
  })

  await t.test('is all told in flawless messages', { skip: lacking }, async () => {
    const letters = [...(await gateway.letters(MARIO)), ...(await gateway.letters(SERVICE))]
    const paths = letters.map(({ path }) => path)
    await assertFlawless(paths, {
      ca: join(gateway.directory, 'config', 'test_authority.pem'),
      index: join(gateway.directory, 'config', 'pec_index.ldif'),
    })
  })

  await t.test('leaves the gateway running', () => assert.equal(gateway.instance.exited, false))
})

/** A file with the record of a provider that manages these domains. */
async function indexOf(lab: Laboratory, domains: readonly string[]): Promise<string> {
  const authority = await issueAuthority({ name: 'Autorità', keyKind: 'p-256' })
  const name = 'Gestore B S.p.A.'
  const { certificate } = await issueProviderCertificate({
    authority,
    providerName: name,
    address: 'posta-certificata@peer.test',
    keyKind: 'p-256',
  })
  const certificates = readPem(Buffer.from(certificate), 'CERTIFICATE')
  const ldifLocation = 'https://peer.test/provider.ldif.p7m'
  const path = join(await lab.directory(), 'index.ldif')
  await writeFile(
    path,
    ownRecordLdif({ name, certificates, mailReceipt: 'ricevute@peer.test', domains: ['peer.test', ...domains], ldifLocation }),
  )
  return path
}
