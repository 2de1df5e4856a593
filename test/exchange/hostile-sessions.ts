/** Commands that are not what SMTP allows, or not allowed to whoever gives them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { connect } from 'node:net'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connectClient } from '../../src/lab/smtp-client.js'
import {
  ANNA,
  BOUND_MS,
  bytes,
  headerOf,
  inData,
  lettersAbout,
  LISTENERS,
  MARIO,
  outcomeOf,
  PASSWORD,
  repliesOf,
  senderOn,
  sessionOn,
  STRANGER,
  type Scene,
} from './hostile.js'

export const SESSIONS: Readonly<Record<string, Scene>> = {
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
