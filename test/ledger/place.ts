/** Where a ledger of a test is, as a word that can be handed to another process: a path, or settings in JSON. */
import type { LedgerConfig } from '../../src/config/ledger.js'
import type { SqlLedger } from '../../src/ledger/ledger.js'
import { openMysqlLedger, type MysqlSettings } from '../../src/ledger/mysql.js'
import { openLedger } from '../../src/ledger/sqlite.js'

export function openPlace(name: string): Promise<SqlLedger> {
  if (!name.startsWith('{')) return openLedger(name)
  return openMysqlLedger(JSON.parse(name) as MysqlSettings, () => undefined)
}

/** The same as settings. */
export function settingsOf(name: string): LedgerConfig {
  return name.startsWith('{') ? (JSON.parse(name) as MysqlSettings) : { engine: 'sqlite', file: name }
}
