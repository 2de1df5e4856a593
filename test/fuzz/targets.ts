/** All targets, in the order of the layers they are for. */
import type { OpenTarget } from './target.js'
import { addressTarget } from './targets/addresses.js'
import { briefTarget } from './targets/briefs.js'
import { certificateTarget, revocationTarget } from './targets/certificates.js'
import { certificationTarget } from './targets/certifications.js'
import { contentTypeTarget } from './targets/content-types.js'
import { encodedWordTarget } from './targets/encoded-words.js'
import { entityTarget } from './targets/entities.js'
import { headerTarget } from './targets/header.js'
import { forgeryTarget, judgementTarget } from './targets/judgements.js'
import { ocspTarget } from './targets/ocsp.js'
import { originalTarget } from './targets/originals.js'
import { configTarget, directoryTarget, ldifTarget } from './targets/settings.js'
import { sevenBitTarget } from './targets/seven-bit.js'
import { signatureTarget } from './targets/signatures.js'
import { transferTarget } from './targets/transfer.js'

export const TARGETS: readonly OpenTarget[] = [
  ...[headerTarget, addressTarget, encodedWordTarget, contentTypeTarget, entityTarget, transferTarget, sevenBitTarget],
  ...[signatureTarget, certificateTarget, revocationTarget, ocspTarget],
  ...[briefTarget, originalTarget, certificationTarget, judgementTarget, forgeryTarget],
  ...[ldifTarget, directoryTarget, configTarget],
]
