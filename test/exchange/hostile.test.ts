// Clients that do not keep to SMTP, on both listeners of a running gateway: sessions and messages are refused, or come out exactly
// right; the process serves the next client; and nothing gets into a mailbox or to another host that the points have not made.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { connect } from 'node:net'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseEntity, body } from '../../src/mail/entity.js'
import { fromBuffer, readAll } from '../../src/mail/source.js'
import { openPecMessage, readCertified } from '../../src/pec/message.js'
import type { Sink } from '../../src/lab/sink.js'
import { connectClient, type Reply, type SmtpClient } from '../../src/lab/smtp-client.js'
import { verifyDetached } from '../../src/smime/verify.js'
import { Laboratory } from '../harness/laboratory.js'
import { TestGateway, choosePorts, type Ports } from './gateway.js'
import type { Letter } from './letter.js'

const MARIO = 'mario@pec-a.test'
const ANNA = 'anna@pec-a.test'
const STRANGER = 'ugo@altro.test'
const PASSWORD = 'segreto'
/** From the end of a message to its answer; the machine may have other work. */
const BOUND_MS = 20_000

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

interface Rig {
  readonly gateway: TestGateway
  readonly ports: Ports
  readonly sink: Sink
  readonly lab: Laboratory
}

test('hostile clients', async (t) => {
  const lab = new Laboratory(t)
  const sink = await lab.sink({ protocol: 'smtp' })
  const ports = await choosePorts()
  const plan = { mailboxes: [MARIO, ANNA], routes: { 'altro.test': sink.port } }
  const rig = { lab, sink, ports, gateway: await TestGateway.open(lab, plan, ports) }
  for (const [name, scene] of Object.entries(SCENES)) {
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

// -- sessions -----------------------------------------------------------------------------------------------------------

type Listener = 'reception' | 'submission'
const LISTENERS: readonly Listener[] = ['reception', 'submission']

/** A session that may send a message: of another host, or of one of our users. */
async function sessionOn(listener: Listener, { gateway, lab, ports }: Rig): Promise<SmtpClient> {
  if (listener === 'submission') return gateway.session(MARIO)
  const client = await lab.client({ port: ports.mx, patienceMs: BOUND_MS })
  await client.ehlo()
  return client
}

const senderOn = (listener: Listener): string => (listener === 'submission' ? MARIO : STRANGER)

/** A session up to the go-ahead for DATA. */
async function inData(listener: Listener, rig: Rig, to = ANNA): Promise<SmtpClient> {
  const client = await sessionOn(listener, rig)
  assert.equal((await client.command(`MAIL FROM:<${senderOn(listener)}>`)).code, 250)
  assert.equal((await client.command(`RCPT TO:<${to}>`)).code, 250)
  assert.equal((await client.command('DATA')).code, 354)
  return client
}

/** Every reply until the server has no more to say, or has gone. */
async function repliesOf(client: SmtpClient, most: number): Promise<number[]> {
  const codes: number[] = []
  try {
    while (codes.length < most) codes.push((await client.read()).code)
  } catch {
    // It closed the connection.
  }
  return codes
}

const headerOf = (listener: Listener, subject: string, to = ANNA): string =>
  `From: <${senderOn(listener)}>\r\nTo: <${to}>\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@client.test>\r\nDate: Tue, 5 Nov 2024 10:00:00 +0100\r\n`

/** The next client is served as if nothing had been. */
async function assertServes({ gateway, ports, lab }: Rig): Promise<void> {
  assert.equal(gateway.instance.exited, false)
  for (const port of [ports.mx, ports.starttls]) {
    const client = await lab.client({ port, patienceMs: BOUND_MS })
    assert.equal((await client.ehlo()).code, 250)
    client.destroy()
  }
}

async function outcomeOf(reply: Promise<Reply>): Promise<{ readonly code: number; readonly text: string }> {
  const begun = performance.now()
  const { code, lines } = await reply
  assert.ok(performance.now() - begun < BOUND_MS)
  return { code, text: lines.join(' ') }
}

/** The letters of a mailbox that carry this subject, however they are wrapped. */
async function lettersAbout(subject: string, { gateway }: Rig, address = ANNA): Promise<Letter[]> {
  await gateway.quiet()
  return (await gateway.letters(address)).filter((letter) => letter.values('Subject').some((value) => value.includes(subject)))
}

/** The message that a letter carries. */
async function carriedIn({ bytes: whole }: Letter): Promise<Buffer> {
  const source = fromBuffer(whole)
  const { parts } = await parseEntity(source)
  const original = parts[0]?.parts.find(({ name }) => name === 'postacert.eml')
  assert.ok(original)
  return readAll(body(source, original))
}

// -- scenes -------------------------------------------------------------------------------------------------------------

const SMUGGLED = `MAIL FROM:<evil@altro.test>\r\nRCPT TO:<${MARIO}>\r\nDATA\r\nSubject: contrabbando\r\n\r\nx\r\n.\r\n`

/** What some server somewhere takes for the end of a message. */
const ENDINGS: Readonly<Record<string, string>> = {
  'LF . LF': '\n.\n',
  'CRLF . LF': '\r\n.\n',
  'LF . CRLF': '\n.\r\n',
  'LF LF . LF LF': '\n\n.\n\n',
  'CR . CR': '\r.\r',
  'CR . CRLF': '\r.\r\n',
  'CRLF . CR': '\r\n.\r',
  'CR CRLF . CRLF CR': '\r\r\n..\r\n\r',
  'CRLF NUL . CRLF': '\r\n\0.\r\n',
  'CRLF . space CRLF': '\r\n. \r\n',
}

const SCENES: Readonly<Record<string, (rig: Rig, t: TestContext) => Promise<void>>> = {
  'nothing but CRLF . CRLF ends a message': async (rig) => {
    for (const listener of LISTENERS) {
      for (const [name, ending] of Object.entries(ENDINGS)) {
        const client = await inData(listener, rig)
        const subject = `fine-${listener}-${name.replace(/\W+/g, '-')}`
        client.write(bytes(`${headerOf(listener, subject)}\r\nprima${ending}${SMUGGLED}`))
        const codes = await repliesOf(client, 1)
        client.destroy()
        assert.ok([250, 451].includes(codes[0] ?? 0), `${name}: ${codes.join()}`)
        if (/(?<!\r)\n/.test(ending)) assert.deepEqual(codes, [451], name)
        const found = await lettersAbout(subject, rig)
        if (codes[0] !== 250) assert.deepEqual(found, [], name)
        else if (listener === 'reception') assert.equal(found.length, 1, name)
        for (const letter of found) assert.match((await carriedIn(letter)).toString('latin1'), /MAIL FROM:/, name)
      }
    }
    assert.deepEqual(await lettersAbout('contrabbando', rig, MARIO), [])
  },

  'a lone CR is refused with a notice, or wrapped as what it is: it never leaves as one': async (rig) => {
    const submitted = await inData('submission', rig, STRANGER)
    submitted.write(bytes(`${headerOf('submission', 'ritorno', STRANGER)}\r\nprima\r.\rMAIL FROM:<x@altro.test>\r\n.\r\n`))
    assert.match((await outcomeOf(submitted.read())).text, /not accepted/)
    const brought = await inData('reception', rig)
    brought.write(bytes(`${headerOf('reception', 'ritorno')}X-Odd: a\rb\r\n\r\nprima\r.\rMAIL FROM:<x@altro.test>\r\n.\r\n`))
    assert.equal((await outcomeOf(brought.read())).code, 250)
    const letters = [...(await lettersAbout('ritorno', rig)), ...(await lettersAbout('ritorno', rig, MARIO))]
    assert.deepEqual(letters.map(({ kind }) => kind).sort(), ['anomaly', 'non-acceptance'])
    for (const letter of letters) assert.doesNotMatch(letter.bytes.toString('latin1'), /\r(?!\n)/)
    assert.deepEqual(rig.sink.messages, [])
  },

  'commands sent along with the end of a message are not obeyed': async (rig) => {
    for (const listener of LISTENERS) {
      const client = await inData(listener, rig)
      client.write(bytes(`${headerOf(listener, `insieme-${listener}`)}\r\nprima\r\n.\r\n${SMUGGLED}`))
      const [first, ...others] = await repliesOf(client, 5)
      client.destroy()
      assert.equal(first, 250)
      for (const code of others) assert.equal(code, 503)
    }
    assert.deepEqual(await lettersAbout('contrabbando', rig, MARIO), [])
  },

  'CHUNKING, BINARYMIME and SMTPUTF8 are neither offered nor spoken': async (rig) => {
    for (const listener of LISTENERS) {
      const client = await sessionOn(listener, rig)
      const { lines } = await client.ehlo()
      for (const word of ['CHUNKING', 'BINARYMIME', 'SMTPUTF8']) assert.ok(!lines.includes(word), word)
      assert.ok((await client.command('BDAT 5 LAST')).code >= 500)
      assert.ok((await client.command('hello')).code >= 500)
      assert.equal((await client.command('RSET')).code, 250)
      await client.command(`MAIL FROM:<${senderOn(listener)}> BODY=BINARYMIME`)
      assert.ok((await client.command('BDAT 0 LAST')).code >= 500)
      client.destroy()
    }
  },

  'NUL, 8-bit and broken UTF-8 come out 7-bit, and decode to what they were': async (rig) => {
    const hostile = 'a\0b \xff\xfe \xc0\xaf \xed\xa0\x80 z'
    for (const listener of LISTENERS) {
      const client = await inData(listener, rig)
      const subject = `byte-${listener}`
      const field = `X-Odd: ${hostile}\r\nContent-Type: text/plain; charset=utf-8\r\n`
      client.write(bytes(`${headerOf(listener, subject)}${field}\r\n${hostile}\r\n.\r\n`))
      assert.equal((await outcomeOf(client.read())).code, 250)
      client.destroy()
      const [letter] = await lettersAbout(subject, rig)
      assert.ok(letter)
      assert.doesNotMatch(letter.bytes.toString('latin1'), /[\0\x80-\xff]/)
      const carried = await carriedIn(letter)
      assert.match(carried.toString('latin1'), /a=00b =FF=FE =C0=AF =ED=A0=80 z/)
    }
  },

  'a hundred thousand fields, or one of ten megabytes, are answered in time': async (rig) => {
    for (const listener of LISTENERS) {
      for (const [name, bomb, codes] of [
        ['molti', 'X: y\r\n'.repeat(100_000), [250]],
        ['moltissimi', 'X: y\r\n'.repeat(1_700_000), [550]],
        ['lungo', `X: ${'y'.repeat(10_000_000)}\r\n`, [550]],
        ['piegato', `X: y\r\n${` ${'y'.repeat(900)}\r\n`.repeat(11_000)}`, [550]],
        ['indirizzi', `Cc: ${'a@b.test,\r\n '.repeat(70_000)}c@d.test\r\n`, [250]],
        ['parole', `X-Words: ${'=?utf-8?q?=E8?=\r\n '.repeat(50_000)}x\r\n`, [250]],
        ['risposte', `Reply-To: ${'"=?utf-8?q?=E8?=" <a@b.test>,\r\n '.repeat(25_000)}c@d.test\r\n`, [250]],
        ['stesso', 'To: x@y.test\r\n'.repeat(60_000), [250]],
      ] as const) {
        const client = await inData(listener, rig)
        client.write(bytes(`${headerOf(listener, `${name}-${listener}`)}${bomb}\r\nx\r\n.\r\n`))
        const { code, text } = await outcomeOf(client.read())
        assert.ok((codes as readonly number[]).includes(code), `${name} on ${listener}: ${code} ${text}`)
        client.destroy()
      }
    }
  },

  'lines of 998 octets stay as they are, longer ones are re-encoded, endless ones refused': async (rig) => {
    for (const listener of LISTENERS) {
      for (const length of [998, 1000, 999_000, 1_200_000]) {
        const client = await inData(listener, rig)
        const subject = `riga-${length}-${listener}`
        const message = `${headerOf(listener, subject)}\r\n${'x'.repeat(length)}\r\n`
        client.write(bytes(`${message}.\r\n`))
        const { code } = await outcomeOf(client.read())
        client.destroy()
        const [letter, ...others] = await lettersAbout(subject, rig)
        assert.deepEqual(others, [])
        assert.equal(code, length > 1_000_000 ? 550 : 250)
        if (length > 1_000_000) assert.equal(letter, undefined)
        else {
          assert.ok(letter)
          const carried = (await carriedIn(letter)).toString('latin1')
          const text = carried.slice(carried.indexOf('\r\n\r\n') + 4).replace(/=\r\n/g, '')
          assert.equal(text.trimEnd(), 'x'.repeat(length))
          if (length === 998 && listener === 'reception') assert.equal(carried, message)
        }
      }
    }
  },

  'a message without a blank line is refused with a notice, or wrapped': async (rig) => {
    for (const listener of LISTENERS) {
      const client = await inData(listener, rig)
      client.write(bytes(`${headerOf(listener, `senza-${listener}`)}.\r\n`))
      const { code, text } = await outcomeOf(client.read())
      assert.equal(code, 250)
      if (listener === 'submission') assert.match(text, /not accepted/)
      client.destroy()
    }
    assert.deepEqual(await lettersAbout('senza-submission', rig), [])
    assert.equal((await lettersAbout('senza-reception', rig)).length, 1)
    assert.deepEqual(
      (await lettersAbout('senza-submission', rig, MARIO)).map(({ kind }) => kind),
      ['non-acceptance'],
    )
  },

  'commands that are too long, or none, end the session or are refused': async (rig) => {
    for (const listener of LISTENERS) {
      for (const line of [
        'A'.repeat(100_000),
        `MAIL FROM:<${'a'.repeat(600)}@altro.test>`,
        `RCPT TO:<${'a'.repeat(300)}@pec-a.test>`,
      ]) {
        const client = await sessionOn(listener, rig)
        client.write(`${line}\r\n`)
        const [code = 0] = await repliesOf(client, 1)
        assert.ok(code >= 500, `${line.slice(0, 20)}: ${code}`)
        client.destroy()
      }
      const client = await sessionOn(listener, rig)
      for (const line of ['\0\0\0', '\xff\xfb', 'GET / HTTP/1.1', '   ', 'MAIL FROM:\0<>', 'RSET\rRSET', 'HELP\x1b[2J']) {
        const reply = client.command(line)
        assert.ok((await reply.catch(() => ({ code: 500 }))).code >= 200)
      }
      client.destroy()
    }
  },

  'AUTH is refused in the clear, and to other hosts at all': async (rig) => {
    const plain = Buffer.from(`\0${MARIO}\0${PASSWORD}`).toString('base64')
    for (const port of [rig.ports.starttls, rig.ports.mx]) {
      for (const secured of port === rig.ports.mx ? [false, true] : [false]) {
        const client = await rig.lab.client({ port, patienceMs: BOUND_MS })
        let hello = await client.ehlo()
        if (secured) {
          assert.equal((await client.startTls()).code, 220)
          hello = await client.ehlo()
        }
        assert.ok(!hello.lines.some((line) => line.startsWith('AUTH')))
        assert.ok((await client.command(`AUTH PLAIN ${plain}`)).code >= 500)
        assert.ok((await client.command('AUTH LOGIN')).code >= 500)
        assert.ok((await client.command('AUTH CRAM-MD5')).code >= 500)
        const mail = await client.command(`MAIL FROM:<${MARIO}>`)
        if (port === rig.ports.starttls) assert.equal(mail.code, 530)
        else {
          assert.equal(mail.code, 250)
          assert.equal((await client.command(`RCPT TO:<${STRANGER}>`)).code, 550)
        }
        client.destroy()
      }
    }
  },

  'a login is no way to write into the log or past the password': async (rig) => {
    const hostile = [
      'a\r\nFORGED line',
      '\x1b[2J',
      'x\u2028y\u0085z\u009b2J',
      '../mario@pec-a.test',
      `${MARIO}\0`,
      '__proto__',
      'a'.repeat(300),
    ]
    for (const user of hostile) {
      const client = await rig.lab.client({ port: rig.ports.submission, implicitTls: true, patienceMs: BOUND_MS })
      await client.ehlo()
      const reply = await client.authPlain(user, PASSWORD).catch(() => ({ code: 535 }))
      assert.ok(reply.code >= 400, user)
      client.destroy()
    }
    assert.doesNotMatch(rig.gateway.instance.log, /^FORGED/m)
  },

  'commands sent along with STARTTLS are thrown away': async (rig) => {
    for (const port of [rig.ports.mx, rig.ports.starttls]) {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'data')
      socket.write('EHLO client.test\r\n')
      await once(socket, 'data')
      socket.write(`STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<${STRANGER}>\r\n`)
      const [answer] = (await once(socket, 'data')) as [Buffer]
      assert.match(answer.toString('latin1'), /^220 [^\r\n]*\r\n$/)
      const secured = connectTls({ socket, rejectUnauthorized: false })
      await once(secured, 'secureConnect')
      secured.write('NOOP\r\n')
      // The first that is said is the answer to NOOP, and no transaction is open.
      const [first] = (await once(secured, 'data')) as [Buffer]
      assert.match(first.toString('latin1'), /^250 [^\r\n]*\r\n$/)
      secured.write(`RCPT TO:<${ANNA}>\r\n`)
      const [second] = (await once(secured, 'data')) as [Buffer]
      assert.match(second.toString('latin1'), /^503 /)
      secured.destroy()
    }
  },

  'addresses of other domains are not relayed, however they are written': async (rig) => {
    const refused = [
      ...[
        `<${STRANGER}>`,
        `<@pec-a.test:${STRANGER}>`,
        `<"${MARIO}"@altro.test>`,
        `<${MARIO}@altro.test>`,
        '<ugo@[127.0.0.1]>',
        '<ugo@[IPv6:::1]>',
      ],
      ...[
        '<>',
        '<mario>',
        '<@pec-a.test>',
        '<mario@>',
        `<${STRANGER}@>`,
        '<mari\xf2@pec-a.test>',
        '<mario@pec-\xe0.test>',
        '<mario@@pec-a.test>',
      ],
      ...['<mario@.pec-a.test>', '<mario@sub.pec-a.test>', '<mario@pec-a.test\0.altro.test>'],
      ...[
        '<mario@pec-a.test,ugo@altro.test>',
        '<mario@pec-a.test>,<ugo@altro.test>',
        '<ma rio@pec-a.test>',
        '<mario@pec-a.test',
        'mario@pec-a.test\x1b[2J',
      ],
    ]
    const client = await sessionOn('reception', rig)
    assert.equal((await client.command(`MAIL FROM:<${STRANGER}>`)).code, 250)
    for (const path of refused) {
      client.write(bytes(`RCPT TO:${path}\r\n`))
      const { code } = await client.read()
      assert.ok(code >= 500, `${path}: ${code}`)
    }
    assert.match(rig.gateway.instance.log, /relay attempt from 127\.0\.0\.1 to "ugo@altro\.test" refused: .*Relaying denied/)
    client.destroy()
  },

  'local parts that look like a path or a route name mailboxes, or nothing': async (rig) => {
    const before = rig.sink.messages.length
    for (const local of [
      'ugo%altro.test',
      'altro.test!ugo',
      '"ugo@altro.test"',
      '"a b"',
      '../../../tmp/x',
      '"../mario"',
      '|id',
      '*',
      'mario+x',
    ]) {
      const client = await sessionOn('reception', rig)
      const { rcpt, dot } = await client.send(
        { from: STRANGER, to: [`${local}@pec-a.test`] },
        bytes(`${headerOf('reception', 'percorso')}\r\nx\r\n`),
      )
      assert.ok((rcpt[0]?.code ?? 0) >= 500 || (dot?.code ?? 0) >= 500, local)
      client.destroy()
    }
    const client = await sessionOn('reception', rig)
    const { dot } = await client.send(
      { from: STRANGER, to: ['MaRiO@PEC-A.test'] },
      bytes(`${headerOf('reception', 'maiuscole')}\r\nx\r\n`),
    )
    assert.equal(dot?.code, 250)
    client.destroy()
    assert.equal((await lettersAbout('maiuscole', rig, MARIO)).length, 1)
    assert.deepEqual((await readdir(join(rig.gateway.directory, 'mail'))).sort(), ['.spool', 'pec-a.test'])
    assert.equal(rig.sink.messages.length, before)
  },

  'whoever has not authenticated submits nothing, and the log says so': async (rig) => {
    const client = await rig.lab.client({ port: rig.ports.submission, implicitTls: true, patienceMs: BOUND_MS })
    await client.ehlo()
    const { mail } = await client.send({ from: MARIO, to: [STRANGER] }, bytes('Subject: x\r\n\r\nx\r\n'))
    assert.equal(mail.code, 530)
    assert.ok((await client.command(`RCPT TO:<${STRANGER}>`)).code >= 500)
    assert.ok((await client.command('DATA')).code >= 500)
    client.destroy()
    assert.match(rig.gateway.instance.log, /submission from 127\.0\.0\.1 refused: Authentication required/)
  },

  'reverse paths that are odd are refused or do no harm': async (rig) => {
    for (const path of [
      '<\x1b[2J@altro.test>',
      '<ugo@altro.test\r>',
      '<"\\""@altro.test>',
      '<@a,@b:ugo@altro.test>',
      '<ugo@altro.test> SIZE=999999999999',
      '<ugo@altro.test> AUTH=<x+0D+0A>',
      '<ugo>',
      '< >',
    ]) {
      const client = await sessionOn('reception', rig)
      client.write(bytes(`MAIL FROM:${path}\r\n`))
      const [code = 0] = await repliesOf(client, 1)
      assert.ok(code === 250 || code >= 500, `${path}: ${code}`)
      if (code === 250) {
        assert.equal((await client.command(`RCPT TO:<${ANNA}>`)).code, 250)
        assert.equal((await client.command('DATA')).code, 354)
        client.write(bytes(`${headerOf('reception', 'ritorni')}\r\nx\r\n.\r\n`))
        const answer = await outcomeOf(client.read())
        assert.ok(answer.code === 250 || answer.code >= 500, `${path}: ${answer.code}`)
      }
      client.destroy()
    }
  },

  'clients that leave in the middle leave nothing behind': async (rig) => {
    for (const listener of LISTENERS) {
      const client = await inData(listener, rig)
      client.write(bytes(`${headerOf(listener, 'interrotto')}\r\nmetà`))
      client.destroy()
      const hasty = await connectClient({ port: rig.ports.mx })
      hasty.write('EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:')
      hasty.destroy()
    }
    assert.deepEqual(await lettersAbout('interrotto', rig), [])
  },
}

// -- afterwards ---------------------------------------------------------------------------------------------------------

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
