/** What the provider's parts say of themselves, by and by: a line of the log, and what is told to those who watch. */
import type { DirectoryEvent } from './directory/directory-event.js'
import { PecError, reasonOf } from './errors.js'
import type { IndexEvent } from './providers/index-file.js'
import type { CrlSourceState } from './smime/crl.js'
import type { OcspTold } from './smime/ocsp.js'
import type { TakeOver } from './watched-files.js'
import type { Reloaded } from './watch/occurrence.js'
import type { Watched } from './watch/watched.js'

export function indexLine(event: IndexEvent): string {
  if (event.kind === 'refused') return `the index of providers was not taken over: ${event.reason}`
  const faults = event.faults.map((fault) => `; ${reasonOf(fault)}`).join('')
  return `the index of providers has ${event.records} records with ${event.domains} domains${faults}`
}

export function directoryLine(event: DirectoryEvent): string {
  switch (event.kind) {
    case 'loaded':
      return `the directory has ${event.mailboxes === undefined ? '' : `${event.mailboxes} mailboxes in `}${event.domains} domains`
    case 'refused':
      return `the directory was not taken over: ${event.reason}`
    case 'server':
      return event.line
    case 'exposed':
      return `the directory may be read by others than its owner (mode ${event.mode.toString(8)}): make it 600`
  }
}

/** An index that was not taken over is a failure of the part until one is. */
export function tellIndex(event: IndexEvent, { watch, health, clock }: Watched): void {
  const at = clock()
  if (event.kind === 'refused') {
    const { reason, age } = event
    watch.tell({ kind: 'index-refused', at, reason, age })
    health.failed('index', new PecError('index', reason, { temporary: true }))
  } else {
    const { records, domains, faults } = event
    watch.tell({ kind: 'index-synchronised', at, records, domains, faults: faults.map(reasonOf) })
    health.works('index')
  }
}

/** What was taken over while we run, or was not: `configuration` works while nothing that was replaced is out of use. */
export function takeOverTeller({
  watch,
  health,
  clock,
}: Watched): (what: Reloaded['what'], files: string, outcome: TakeOver) => void {
  const refused = new Set<string>()
  return (what, files, outcome) => {
    if ('refused' in outcome) {
      refused.add(files)
      health.failed(
        'configuration',
        new PecError('configuration', `${files}: not taken over: ${outcome.refused}`, { temporary: true }),
      )
      return
    }
    watch.tell({ kind: 'reloaded', at: clock(), what, detail: `${files}: ${outcome.taken}` })
    if (refused.delete(files) && refused.size === 0) health.works('configuration')
  }
}

/** The first reading of the directory is the start's. */
export function directoryTeller(tell: ReturnType<typeof takeOverTeller>): (event: DirectoryEvent) => void {
  let isStart = true
  return (event) => {
    if (event.kind === 'refused') tell('directory', 'the directory', { refused: event.reason })
    if (event.kind === 'loaded' && !isStart) tell('directory', 'the directory', { taken: directoryLine(event) })
    if (event.kind === 'loaded') isStart = false
  }
}

/** Revocation lists work while every source does. */
export function crlTeller({ watch, health, clock }: Watched): (state: CrlSourceState) => void {
  const failing = new Set<string>()
  return ({ source, failure, nextUpdate }) => {
    const at = clock()
    if (failure === undefined) {
      watch.tell({ kind: 'crl-refreshed', at, source, nextUpdate })
      if (failing.delete(source) && failing.size === 0) health.works('crl')
    } else {
      failing.add(source)
      watch.tell({ kind: 'crl-failed', at, source, reason: failure })
      health.failed('crl', new PecError('crl', `${source}: ${failure}`, { temporary: true }))
    }
  }
}

/** One responder among many that does not answer is no part that fails: others may answer, and lists too. */
export function ocspTeller({ watch, clock }: Watched): (told: OcspTold) => void {
  return ({ responder, outcome, failure, milliseconds }) =>
    watch.tell({ kind: 'ocsp-answer', at: clock(), responder, outcome, failure, milliseconds })
}
