/** Messages that are not what SMTP and RFC 5322 allow: refused, or wrapped exactly as they came. */
import assert from 'node:assert/strict'
import {
  bytes,
  carriedIn,
  headerOf,
  inData,
  lettersAbout,
  LISTENERS,
  MARIO,
  outcomeOf,
  repliesOf,
  SMUGGLED,
  STRANGER,
  type Scene,
} from './hostile.js'

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

export const MESSAGES: Readonly<Record<string, Scene>> = {
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
}
