import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { MysqlSettings } from '../../src/ledger/mysql.js'
import { tlsIdentity } from '../harness/certificates.js'
import { SCHEMA_VERSION } from '../../src/ledger/migrations.js'
import { mariadbIsMissing, TestMariadb } from '../harness/mariadb.js'
import { newDatabase, sharedMariadb } from './engines.js'
import { claimOf, entryOf, eventOf, factsOf, failure, quarantinedOf } from './entries.js'
import { openAt, throughProxy } from './proxy.js'

const ID = '1@a.example'

describe('a commit', { skip: mariadbIsMissing }, () => {
  test('writes nothing of an entry whose last statement fails', async (t) => {
    const server = await sharedMariadb()
    const settings = await newDatabase(server)
    const ledger = await openAt(t, settings)
    await server.run(
      `create trigger broken before insert on evidence for each row signal sqlstate '45000' set message_text = 'broken'`,
      settings.database,
    )
    const entry = entryOf('s1', {
      message: factsOf(ID),
      claims: [claimOf(ID)],
      events: [eventOf(ID), eventOf(ID, { daticert: Buffer.from('x') })],
      quarantined: quarantinedOf(ID),
    })
    await assert.rejects(ledger.commit(entry), { ...failure('ledger', true), message: /broken/ })
    for (const table of ['step', 'claim', 'message', 'recipient', 'quarantine', 'event', 'event_recipient', 'evidence']) {
      assert.deepEqual(await server.run(`select count(*) n from ${table}`, settings.database), [{ n: 0 }], table)
    }
    await server.run('drop trigger broken', settings.database)
    await ledger.commit(entry)
    assert.equal((await ledger.eventsOf(ID)).length, 2)
  })

  test('is tried again after a deadlock', async (t) => {
    const server = await sharedMariadb()
    const settings = await newDatabase(server)
    const ledger = await openAt(t, settings)
    const other = await server.connect(settings.database)
    t.after(() => other.end())
    // The other transaction has written more, so ours is the one that is rolled back.
    await other.query('begin')
    await other.query(`insert into claim select concat('other ', seq), 'acceptance', '' from seq_1_to_1000`)
    await other.query(`insert into claim values ('b', 'acceptance', '')`)
    const deadlocks = async () => Number((await server.run(`show status like 'Innodb_deadlocks'`))[0]?.['Value'])
    const before = await deadlocks()
    const commit = ledger.commit(entryOf('s1', { claims: [claimOf('a'), claimOf('b')] }))
    await pause(300)
    await other.query(`insert into claim values ('a', 'acceptance', '')`)
    assert.equal(await deadlocks(), before + 1)
    await other.query('rollback')
    await commit
    assert.equal((await ledger.taken([claimOf('a'), claimOf('b')])).length, 2)
  })

  test('waits for another transaction that claims the same, and loses only if that one wins', async (t) => {
    const server = await sharedMariadb()
    const settings = await newDatabase(server)
    const ledger = await openAt(t, settings)
    const other = await server.connect(settings.database)
    t.after(() => other.end())
    for (const [end, taken] of [
      ['rollback', false],
      ['commit', true],
    ] as const) {
      await other.query('begin')
      await other.query(`insert into claim values ('${end}', 'acceptance', '')`)
      const commit = ledger.commit(entryOf(end, { claims: [claimOf(end)] }))
      await Promise.all([
        pause(200).then(() => other.query(end)),
        taken ? assert.rejects(commit, failure('conflict', false)) : commit,
      ])
    }
  })

  test('whose connection is lost before its last word is done again', async (t) => {
    const { ledger, cut } = await throughProxy(t)
    cut.once('insert into `event`')
    await ledger.commit(entryOf('s1', { claims: [claimOf(ID)], events: [eventOf(ID)] }))
    assert.equal(cut.times, 1)
    assert.equal((await ledger.eventsOf(ID)).length, 1)
  })

  test('whose connection is lost with the answer is neither done again nor called a conflict', async (t) => {
    const { ledger, cut } = await throughProxy(t)
    cut.once('commit')
    await assert.rejects(ledger.commit(entryOf('s1', { claims: [claimOf(ID)] })), {
      ...failure('ledger', true),
      message: /no answer/,
    })
    assert.equal(cut.times, 1)
    await pause(200)
    // The ledger can tell later.
    assert.equal(await ledger.isCommitted('s1'), true)
    assert.equal(await ledger.isCommitted('s2'), false)
  })
})

describe('a server', { skip: mariadbIsMissing }, () => {
  test('that is killed among commits has all that was reported, and only whole entries', async (t) => {
    const server = await sharedMariadb()
    const settings = await newDatabase(server)
    const ledger = await openAt(t, settings)
    const reported = new Set<number>()
    let next = 0
    let stopped = false
    const writer = async (): Promise<void> => {
      while (!stopped) {
        const n = next++
        const id = `${n}@a.example`
        const events = [eventOf(id, { signature: Buffer.alloc(3000, n) }), eventOf(id, { type: 'transport' })]
        await ledger.commit(entryOf(`s${n}`, { claims: [claimOf(id)], message: factsOf(id), events })).then(
          () => reported.add(n),
          (error: unknown) =>
            assert.throws(
              () => {
                throw error
              },
              failure('ledger', true),
            ),
        )
      }
    }
    const writers = [1, 2, 3, 4, 5, 6].map(writer)
    for (const round of [1, 2, 3]) {
      const before = reported.size
      while (reported.size < before + 40) await pause(5)
      await server.stop('SIGKILL')
      await server.start()
      assert.ok(reported.size >= 40 * round)
    }
    const before = reported.size
    while (reported.size < before + 20) await pause(5)
    stopped = true
    await Promise.all(writers)
    for (let n = 0; n < next; n++) {
      const id = `${n}@a.example`
      const committed = await ledger.isCommitted(`s${n}`)
      assert.ok(committed || !reported.has(n), `${n} was reported and is not there`)
      assert.equal((await ledger.message(id)) !== undefined, committed)
      assert.equal((await ledger.eventsOf(id)).length, committed ? 2 : 0)
      assert.equal((await ledger.taken([claimOf(id)])).length, committed ? 1 : 0)
    }
  })

  test('that is away makes the ledger fail for now, and serves it when it is back', async (t) => {
    const server = await sharedMariadb()
    const ledger = await openAt(t, await newDatabase(server))
    await ledger.commit(entryOf('s1'))
    await server.stop('SIGTERM')
    await assert.rejects(ledger.commit(entryOf('s2')), failure('ledger', true))
    const waiting = ledger.commit(entryOf('s3'))
    await server.start()
    await waiting
    assert.deepEqual(await Promise.all(['s1', 's2', 's3'].map((step) => ledger.isCommitted(step))), [true, false, true])
  })

  test('that hangs does not hold the ledger for ever', async (t) => {
    const server = await sharedMariadb()
    const ledger = await openAt(t, await newDatabase(server))
    await ledger.commit(entryOf('s1'))
    server.freeze()
    const begun = performance.now()
    const commits = Array.from({ length: 8 }, (_, n) => assert.rejects(ledger.commit(entryOf(`f${n}`)), failure('ledger', true)))
    await Promise.all(commits)
    assert.ok(performance.now() - begun < 20_000)
    server.thaw()
    await ledger.commit(entryOf('s2'))
    assert.equal(await ledger.isCommitted('s2'), true)
  })
})

describe('the schema', { skip: mariadbIsMissing }, () => {
  test('of a newer release is refused', async (t) => {
    const server = await sharedMariadb()
    const settings = await newDatabase(server)
    await (await openAt(t, settings)).close()
    await server.run(`insert into migration values (99, 'from the future')`, settings.database)
    await assert.rejects(openAt(t, settings), { ...failure('configuration', false), message: /schema 99/ })
  })

  test('of which a crash left a half is completed', async (t) => {
    const server = await sharedMariadb()
    const settings = await newDatabase(server)
    const ledger = await openAt(t, settings)
    await ledger.commit(entryOf('s1', { events: [eventOf(ID)] }))
    for (const statement of [
      'delete from migration',
      'drop table job',
      'drop table quarantine',
      'drop index event_time on event',
    ])
      await server.run(statement, settings.database)
    const again = await openAt(t, settings)
    await again.commit(entryOf('s2', { quarantined: quarantinedOf(ID) }))
    assert.equal((await again.eventsOf(ID)).length, 1)
    assert.equal((await server.run(`show index from event where key_name = 'event_time'`, settings.database)).length, 2)
    assert.deepEqual(
      await server.run('select version from migration', settings.database),
      Array.from({ length: SCHEMA_VERSION }, (_, at) => ({ version: at + 1 })),
    )
  })
})

describe('the settings', { skip: mariadbIsMissing }, () => {
  const refused: readonly [string, Partial<MysqlSettings>, RegExp][] = [
    [
      'a database that does not exist',
      { database: 'nowhere' },
      /^the ledger nowhere as root on .*Unknown database 'nowhere': create it$/,
    ],
    ['a user who does not exist', { user: 'nobody' }, /cannot be opened: Access denied for user 'nobody'@/],
    ['a password that is not there', { passwordFile: '/nowhere/password' }, /ENOENT.*\/nowhere\/password/],
    ['TLS, of which the server has none', { tls: 'required' }, /cannot be opened: Server does not support secure connection/],
  ]
  for (const [what, parts, message] of refused) {
    test(`are refused where they name ${what}`, async (t) => {
      const server = await sharedMariadb()
      const settings = { ...(await newDatabase(server)), at: { host: '127.0.0.1', port: server.port }, ...parts }
      await assert.rejects(openAt(t, settings), { ...failure('configuration', false), message })
    })
  }

  test('are refused where the user may not do what it must', async (t) => {
    const server = await sharedMariadb()
    const settings = await newDatabase(server)
    await server.run(`create user reader@localhost identified by 'geheim'`)
    await assert.rejects(openAt(t, { ...settings, user: 'reader' }), {
      ...failure('configuration', false),
      message: /Access denied/,
    })
    await server.run(`grant select on ${settings.database}.* to reader@localhost identified by ''`)
    await assert.rejects(openAt(t, { ...settings, user: 'reader' }), {
      ...failure('configuration', false),
      message: /CREATE command denied .* the user needs all privileges on the database$/,
    })
  })

  test('that lead nowhere are so for now', async (t) => {
    const settings = { ...(await newDatabase(await sharedMariadb())), at: { path: '/nowhere/socket' } }
    await assert.rejects(openAt(t, settings), { ...failure('ledger', true), message: /cannot be reached: .*\/nowhere\/socket/ })
  })

  test('of a server that may lose commits are told', async (t) => {
    const server = await sharedMariadb()
    const settings = await newDatabase(server)
    const lines: string[] = []
    await openAt(t, settings, (line) => lines.push(line))
    assert.equal(lines.length, 0)
    await server.run('set global innodb_flush_log_at_trx_commit = 2')
    t.after(() => server.run('set global innodb_flush_log_at_trx_commit = 1'))
    await openAt(t, settings, (line) => lines.push(line))
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /innodb_flush_log_at_trx_commit is 2/)
  })
})

test('TLS', { skip: mariadbIsMissing }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pec-ledger-tls-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  const { key, cert, ca } = await tlsIdentity()
  const ours = await file('ca.pem', ca)
  const password = await file('password', 'geheim\n')
  const pair = [`--ssl-key=${await file('key.pem', key)}`, `--ssl-cert=${await file('cert.pem', cert)}`]
  const server = await TestMariadb.start(pair)
  t.after(() => server.close())
  const base = await newDatabase(server)
  await server.run(`create user pec@'127.0.0.1' identified by 'geheim' require ssl`)
  await server.run(`grant all on ${base.database}.* to pec@'127.0.0.1'`)
  const at = { host: 'localhost', port: server.port }
  const settings: MysqlSettings = { ...base, at, user: 'pec', passwordFile: password }

  await t.test('is spoken where it is required, whoever signed the certificate', async (t) => {
    const ledger = await openAt(t, { ...settings, tls: 'required' })
    await ledger.commit(entryOf('s1'))
  })
  await t.test('is spoken with the server whose certificate is verified', async (t) => {
    const ledger = await openAt(t, { ...settings, tls: 'verified', ca: ours })
    assert.equal(await ledger.isCommitted('s1'), true)
  })
  await t.test('is not spoken where it is off, and the server refuses who must', async (t) => {
    await assert.rejects(openAt(t, settings), { ...failure('configuration', false), message: /Access denied for user 'pec'/ })
  })
  await t.test('is not spoken with a server under another authority', async (t) => {
    const other = await file('other.pem', (await tlsIdentity()).ca)
    await assert.rejects(openAt(t, { ...settings, tls: 'verified', ca: other }), {
      ...failure('configuration', false),
      message: /cannot be opened: .*(self-signed|unable to verify|certificate)/,
    })
  })
  await t.test('is not spoken with a server of another name', async (t) => {
    const other = await tlsIdentity(['db.pec-b.test'])
    for (const [name, content] of Object.entries({ 'key.pem': other.key, 'cert.pem': other.cert, 'ca.pem': other.ca }))
      await file(name, content)
    await server.run('flush ssl')
    await openAt(t, { ...settings, tls: 'required' })
    await assert.rejects(openAt(t, { ...settings, tls: 'verified', ca: ours }), {
      ...failure('configuration', false),
      message: /Host: localhost. is not in the cert's altnames/,
    })
  })
})
