/** The parts of the house, each with somebody who tells how it does. What they do is unchanged. */
import { createHash, X509Certificate } from 'node:crypto'
import type { House } from '../points/house.js'
import type { Antivirus, Clock, DeadlineLedger, Directory, Outbox, Quarantine } from '../points/ports.js'
import type { Signer } from '../smime/signer.js'
import type { Health } from './health.js'
import { watchLedger } from './ledger.js'
import type { Watch } from './occurrence.js'

type WatchedHouse = Pick<House, 'issuer' | 'outbox' | 'antivirus' | 'quarantine' | 'directory'> & {
  readonly ledger: DeadlineLedger
}

/** What the watchers share. */
export interface Watched {
  readonly watch: Watch
  readonly health: Health
  readonly clock: Clock
}

/** What the points are given in the place of a house's own parts. `key` is the name of the signer's key. */
export function watchHouse<H extends WatchedHouse>(
  house: H,
  key: string,
  watched: Watched,
): Omit<H, keyof WatchedHouse> & WatchedHouse {
  return {
    ...house,
    issuer: watchIssuer(house.issuer, key, watched),
    ledger: watchLedger(house.ledger, watched),
    outbox: watchOutbox(house.outbox, watched),
    antivirus: watchAntivirus(house.antivirus, watched),
    quarantine: watchQuarantine(house.quarantine, watched),
    directory: watchDirectory(house.directory, watched),
  }
}

/** Its signer may be another one tomorrow (K4). */
function watchIssuer(issuer: House['issuer'], key: string, watched: Watched): House['issuer'] {
  const { name, address, domain } = issuer
  let current = issuer.signer
  let signer = watchSigner(current, key, watched)
  return {
    ...{ name, address, domain },
    get signer() {
      if (issuer.signer !== current) {
        current = issuer.signer
        signer = watchSigner(current, key, watched)
      }
      return signer
    },
  }
}

/** `key` names the key in the log of signatures (K2). */
export function watchSigner(signer: Signer, key: string, { watch, health, clock }: Watched): Signer {
  const serial = new X509Certificate(signer.certificate).serialNumber.toLowerCase()
  const { certificate, chain, algorithm } = signer
  return {
    ...{ certificate, chain, algorithm },
    async sign(data) {
      const begun = performance.now()
      const signature = await health.of('signer', signer.sign(data))
      const milliseconds = performance.now() - begun
      const digest = createHash('sha256').update(data).digest('hex')
      watch.tell({ kind: 'signature', at: clock(), key, serial, digest, milliseconds })
      return signature
    },
  }
}

export function watchAntivirus(antivirus: Antivirus, { watch, health, clock }: Watched): Antivirus {
  return {
    async scan(message) {
      const begun = performance.now()
      const result = await health.of('antivirus', antivirus.scan(message))
      const found = result.verdict === 'infected' ? result.name : undefined
      watch.tell({ kind: 'scan', at: clock(), found, size: message.size, milliseconds: performance.now() - begun })
      return result
    },
  }
}

export function watchOutbox(outbox: Outbox, { health }: Watched): Outbox {
  return { prepare: (step, dispatches) => health.of('queue', outbox.prepare(step, dispatches)) }
}

export function watchQuarantine(quarantine: Quarantine, { health }: Watched): Quarantine {
  return {
    keep: (message, since) => health.of('quarantine', quarantine.keep(message, since)),
    discard: (file) => quarantine.discard(file),
  }
}

export function watchDirectory(directory: Directory, { health }: Watched): Directory {
  return {
    managesDomain: (domain) => directory.managesDomain(domain),
    mailbox: (address) => health.of('directory', directory.mailbox(address)),
    ordinaryMail: (address) => health.of('directory', directory.ordinaryMail(address)),
    authenticate: (login, password) => health.of('directory', directory.authenticate(login, password)),
  }
}
