/** `pec check`: whether everything in the ledger holds together, at any time, running or not. */
import { Command } from 'commander'
import type { Config } from '../config/config.js'
import { checkLedger } from '../ledger/check.js'
import type { Violation } from '../ledger/invariants.js'
import { withSnapshot } from '../ledger/snapshot.js'
import { stateOfKeptFile } from '../quarantine/kept-file-check.js'
import { readInstance } from './instance.js'
import { say } from './terminal.js'

export function ledgerCheckCommand(): Command {
  return new Command('check')
    .description("verify the ledger's invariants, while it runs or not, and name each violation; nothing is repaired")
    .argument('<DIR>', 'the instance directory')
    .action(async (directory: string) => {
      if ((await checkInstance(readInstance(directory), tellViolation)) > 0) process.exitCode = 1
    })
}

/** Says what it found; resolves with the number of violations. */
export async function checkInstance(config: Config, onViolation: (violation: Violation) => void): Promise<number> {
  const { directory, months } = config.quarantine
  let wrongFiles = 0
  let elsewhere = 0
  const { identifiers, violations } = await withSnapshot(config.ledger, (view) =>
    checkLedger(
      view,
      { lastNotice: config.deadlines.second, quarantineMonths: months },
      onViolation,
      async ({ id, identifier, sha256, size }) => {
        const state = await stateOfKeptFile(directory, { id, sha256, size })
        if (state === 'intact') return
        // The file is with the node that found the virus.
        if (state === 'missing' && config.ledger.engine === 'mysql') {
          elsewhere++
          return
        }
        wrongFiles++
        onViolation(fileViolation(identifier, id, state))
      },
    ),
  )
  if (elsewhere > 0) say(`${elsewhere} infected messages are not on this machine: check on the other nodes, too.`)
  const found = violations + wrongFiles
  say(
    found === 0 ? `${identifiers} messages checked: everything holds.` : `${identifiers} messages checked: ${found} violations.`,
  )
  return found
}

function fileViolation(identifier: string, id: string, state: 'missing' | 'altered'): Violation {
  return {
    invariant: `quarantine-file-${state}`,
    identifier,
    what: `its file in quarantine, ${id}.eml, is ${state === 'missing' ? 'not there' : 'not what was put there'}`,
    remedy: 'Take the file from a backup; find out who had access to the quarantine',
  }
}

export function tellViolation({ invariant, identifier, recipient, what, remedy }: Violation): void {
  const about = recipient === undefined ? identifier : `${identifier}, ${recipient}`
  say(`${invariant}: ${about}: ${what}.\n    ${remedy}.`)
}
