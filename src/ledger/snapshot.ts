/**
 * The whole ledger as it is at one moment, read beside a gateway that goes on writing: nobody waits for the reader, and the reader
 * sees no half of a commit. Until it is done the database keeps what it replaces meanwhile: SQLite's journal and InnoDB's undo log
 * grow as long as that.
 */
import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { LedgerConfig } from '../config/ledger.js'
import { isPecError, PecError, reasonOf } from '../errors.js'
import { connectMysql } from './mysql.js'
import { SCHEMA_VERSION } from './migrations.js'
import type { Tables } from './schema.js'

/** A view for queries only. */
export type LedgerView = Kysely<Tables>

/**
 * Gives `work` a view of the ledger. Rejects with PecError 'configuration' if there is no ledger of this release's schema, 'ledger'
 * (temporary) if its database fails.
 */
export async function withSnapshot<T>(settings: LedgerConfig, work: (view: LedgerView) => Promise<T>): Promise<T> {
  const db = await connect(settings)
  try {
    return await db
      .transaction()
      .setIsolationLevel(settings.engine === 'sqlite' ? 'serializable' : 'repeatable read')
      .execute(async (view) => {
        await checkVersion(view)
        return work(view)
      })
  } catch (error) {
    if (isPecError(error)) throw error
    throw new PecError('ledger', `the ledger cannot be read: ${reasonOf(error)}`, { temporary: true, cause: error })
  } finally {
    await db.destroy()
  }
}

async function connect(settings: LedgerConfig): Promise<Kysely<Tables>> {
  if (settings.engine === 'mysql') return connectMysql(settings)
  if (!existsSync(settings.file)) throw new PecError('configuration', `there is no ledger at ${settings.file}`)
  return new Kysely<Tables>({
    dialect: new SqliteDialect({ database: new Database(settings.file, { readonly: true }) }),
  })
}

async function checkVersion(view: LedgerView): Promise<void> {
  const { version } = await view
    .selectFrom('migration')
    .select((eb) => eb.fn.max('version').as('version'))
    .executeTakeFirstOrThrow()
  if (version === SCHEMA_VERSION) return
  const advice = version < SCHEMA_VERSION ? 'start the gateway once, which brings it up to date' : 'use the newer release'
  throw new PecError('configuration', `the ledger has schema ${version}, this release has ${SCHEMA_VERSION}: ${advice}`)
}
