/** The antivirus of the settings. */
import type { Config } from '../config/config.js'
import type { Antivirus } from '../points/ports.js'
import { Clamd } from './clamd.js'
import { noAntivirus } from './none.js'

/** Opens no connection: clamd may be away now. */
export function openAntivirus(settings: Config['antivirus']): Antivirus {
  return settings.engine === 'none' ? noAntivirus : clamdOf(settings)
}

/** Rejects with PecError 'antivirus' if messages could not be scanned now. */
export async function checkAntivirus(settings: Config['antivirus']): Promise<void> {
  if (settings.engine === 'clamd') await clamdOf(settings).prove()
}

function clamdOf({ socket, timeout }: Extract<Config['antivirus'], { readonly engine: 'clamd' }>): Clamd {
  return new Clamd({ endpoint: socket, timeoutMs: timeout * 1000 })
}
