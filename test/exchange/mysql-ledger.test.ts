// The gateway over a ledger in MariaDB: it certifies and delivers, refuses for now what it could not certify, and goes on by itself.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Laboratory } from '../harness/laboratory.js'
import { mariadbIsMissing, TestMariadb } from '../harness/mariadb.js'
import { TestGateway } from './gateway.js'
import { isOf } from './letter.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'

function letter(subject: string): Buffer {
  return Buffer.from(`From: Mario <${MARIO}>\r\nTo: Lucia <${LUCIA}>\r\nSubject: ${subject}\r\n\r\nBuongiorno.\r\n`)
}

test('a gateway over MariaDB', { skip: mariadbIsMissing, timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  const server = await TestMariadb.start()
  lab.atClose(() => server.close())
  await server.run('create database pec')
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO, LUCIA],
    settings: { ledger: { engine: 'mysql', socket: server.socket, user: 'root' } },
  })
  const exchange = async (subject: string): Promise<string> => {
    const identifier = await gateway.submitted(MARIO, [LUCIA], letter(subject))
    await gateway.waitForLetters(LUCIA, 1, isOf('transport', identifier))
    await gateway.waitForLetters(MARIO, 1, isOf('delivery', identifier))
    await gateway.waitForLetters(MARIO, 1, isOf('acceptance', identifier))
    return identifier
  }
  const known = async (): Promise<string[]> =>
    (await server.run('select identifier from message order by accepted_at', 'pec')).map((row) => String(row['identifier']))
  let first = ''
  let second = ''

  await t.test('certifies and delivers', async () => {
    first = await exchange('Primo')
    assert.deepEqual(await known(), [first])
    const outcomes = await server.run('select outcome from recipient', 'pec')
    assert.deepEqual(outcomes, [{ outcome: 'delivered' }])
  })

  await t.test('accepts nothing while the database is away, and says so', async () => {
    await server.stop('SIGTERM')
    const { dot } = await gateway.submit(MARIO, [LUCIA], letter('Perso'))
    assert.equal(Math.floor((dot?.code ?? 0) / 100), 4, JSON.stringify(dot))
    const check = promisify(execFile)(process.execPath, [PROGRAM, 'check-config', gateway.directory])
    await assert.rejects(check, (error: Error & { stderr?: string }) => {
      assert.match(String(error.stderr), /the ledger pec as root on \S+socket cannot be reached: /)
      return true
    })
  })

  await t.test('goes on by itself when the database is back', async () => {
    await server.start()
    second = await exchange('Secondo')
    assert.deepEqual(await known(), [first, second])
    // What was prepared for the message in between is in the queue, and stays there until it is dropped.
    assert.deepEqual([(await gateway.letters(LUCIA)).length, (await gateway.letters(MARIO)).length], [2, 4])
  })
})
