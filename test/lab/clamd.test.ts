import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { Clamd } from '../../src/antivirus/clamd.js'
import { EICAR, EICAR_NAME, startScriptedClamd, type ScriptedClamd } from '../../src/lab/clamd.js'
import { fromBuffer } from '../../src/mail/source.js'

let clamd: ScriptedClamd
let scanner: Clamd

before(async () => {
  clamd = await startScriptedClamd()
  scanner = new Clamd({ endpoint: { host: '127.0.0.1', port: clamd.port }, timeoutMs: 10_000 })
})

after(() => clamd.close())

const scan = (text: string) => scanner.scan(fromBuffer(Buffer.from(text, 'latin1')))

test('passes the proof that the gateway asks of a clamd', async () => {
  await scanner.prove()
})

test('finds the test string, and nothing else', async () => {
  assert.deepEqual(await scan('Subject: x\r\n\r\nno virus\r\n'), { verdict: 'clean' })
  assert.deepEqual(await scan(`Subject: x\r\n\r\n${EICAR}\r\n`), { verdict: 'infected', name: EICAR_NAME })
  assert.deepEqual(await scan(`Subject: x\r\n\r\n${EICAR.slice(1)}\r\n`), { verdict: 'clean' })
})

/** What it says to these bytes. */
async function answerTo(...pieces: readonly Buffer[]): Promise<string> {
  const socket = connect(clamd.port, '127.0.0.1')
  await once(socket, 'connect')
  for (const piece of pieces) socket.write(piece)
  let said = ''
  socket.setEncoding('latin1').on('data', (text: string) => (said += text))
  await once(socket, 'end')
  socket.destroy()
  return said
}

test('finds it across two chunks', async () => {
  const chunk = (text: string): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(text.length)
    return Buffer.concat([length, Buffer.from(text, 'latin1')])
  }
  const pieces = [chunk(`x${EICAR.slice(0, 20)}`), chunk(EICAR.slice(20)), chunk('')]
  assert.equal(await answerTo(Buffer.from('zINSTREAM\0'), ...pieces), `stream: ${EICAR_NAME} FOUND\0`)
})

test('takes no other command', async () => {
  assert.equal(await answerTo(Buffer.from('zVERSIONCOMMANDS\0')), 'UNKNOWN COMMAND\0')
})
