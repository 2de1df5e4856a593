/**
 * A token through its PKCS#11 library (Cryptoki): found, opened, logged in to, and made to sign. Its calls may hang for as long as the
 * library likes and take the process with them: it lives in a process of its own (token-process.ts).
 */
import { createHash } from 'node:crypto'
import * as pkcs11 from 'pkcs11js'
import { reasonOf } from '../errors.js'
import { integer, nullValue, octetString, oid, sequence } from '../smime/der.js'
import { OID } from '../smime/oids.js'
import { TokenFailure, type TokenSettings } from './orders.js'

type Handle = pkcs11.Handle
type Sign = (session: Handle, data: Buffer) => Promise<Buffer>

// The largest signature: RSA-8192.
const MOST_OCTETS = 1024
/** RFC 8017 §9.2: what CKM_RSA_PKCS takes in front of the digest. */
const DIGEST_ALGORITHM = sequence(oid(OID.sha256), nullValue())
/** Login failures that the same PIN meets again. */
const PIN_FAILURES: readonly number[] = [
  pkcs11.CKR_PIN_INCORRECT,
  pkcs11.CKR_PIN_INVALID,
  pkcs11.CKR_PIN_LEN_RANGE,
  pkcs11.CKR_PIN_EXPIRED,
  pkcs11.CKR_PIN_LOCKED,
  pkcs11.CKR_USER_PIN_NOT_INITIALIZED,
]

export class Cryptoki {
  private readonly library: pkcs11.PKCS11
  private readonly free: Handle[]
  private readonly signIn: Sign

  private constructor(library: pkcs11.PKCS11, sessions: Handle[], sign: Sign) {
    this.library = library
    this.free = sessions
    this.signIn = sign
  }

  /** Throws TokenFailure. */
  static open(settings: TokenSettings): Cryptoki {
    const library = load(settings.module)
    const slot = findSlot(library, settings.token)
    refuseLastTry(library.C_GetTokenInfo(slot).flags)
    const sessions = Array.from({ length: settings.sessions }, () => library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION))
    const [first] = sessions
    if (first === undefined) throw new TokenFailure('fault', 'no sessions are set')
    login(library, first, settings.pin)
    const key = findKey(library, first, settings)
    return new Cryptoki(library, sessions, signWith(library, slot, first, key))
  }

  /** RSASSA-PKCS1-v1_5 or ECDSA (DER) with SHA-256. No more than so many sessions at a time. */
  async sign(data: Buffer): Promise<Buffer> {
    const session = this.free.pop()
    if (session === undefined) throw new TokenFailure('fault', 'more signatures at a time than sessions')
    const signature = await this.signIn(session, data)
    this.free.push(session)
    return signature
  }

  close(): void {
    this.library.C_Finalize()
    this.library.close()
  }
}

function load(module: string): pkcs11.PKCS11 {
  const library = new pkcs11.PKCS11()
  try {
    library.load(module)
  } catch (error) {
    throw new TokenFailure('fault', `the PKCS#11 library cannot be loaded: ${reasonOf(error)}`)
  }
  // Signatures are made in several threads: without this flag the library does not lock.
  library.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK })
  return library
}

function findSlot(library: pkcs11.PKCS11, name: string): Handle {
  const tokens = library.C_GetSlotList(true).map((slot) => ({ slot, ...library.C_GetTokenInfo(slot) }))
  const [, by, value] = /^(label|serial):(.*)$/.exec(name) ?? [name, 'label', name]
  const found = tokens.filter(({ label, serialNumber }) => (by === 'label' ? label : serialNumber).trim() === value)
  const [token] = found
  if (token === undefined) {
    const others = tokens.map(({ label }) => label.trim()).filter((label) => label !== '')
    throw new TokenFailure('away', `it is not there; the library has ${others.length === 0 ? 'none' : others.join(', ')}`)
  }
  if (found.length > 1) throw new TokenFailure('fault', 'several tokens have that label: give serial:NUMBER')
  return token.slot
}

/** Leaves the last try to whoever looks after the token. Throws TokenFailure. */
export function refuseLastTry(flags: number): void {
  if ((flags & pkcs11.CKF_USER_PIN_LOCKED) !== 0) throw new TokenFailure('pin', 'its PIN is locked')
  if ((flags & pkcs11.CKF_USER_PIN_FINAL_TRY) !== 0)
    throw new TokenFailure('pin', 'one more wrong PIN would lock it: log in to it once by hand, with the right one')
}

function login(library: pkcs11.PKCS11, session: Handle, pin: string): void {
  try {
    library.C_Login(session, pkcs11.CKU_USER, pin)
  } catch (error) {
    if (error instanceof pkcs11.Pkcs11Error && PIN_FAILURES.includes(error.code))
      throw new TokenFailure('pin', `it does not take the PIN (${error.message})`)
    throw error
  }
}

function findKey(library: pkcs11.PKCS11, session: Handle, { keyLabel, keyId }: TokenSettings): Handle {
  const template = [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY },
    ...(keyLabel === '' ? [] : [{ type: pkcs11.CKA_LABEL, value: keyLabel }]),
    ...(keyId === '' ? [] : [{ type: pkcs11.CKA_ID, value: Buffer.from(keyId, 'hex') }]),
  ]
  library.C_FindObjectsInit(session, template)
  const [key, ...others] = library.C_FindObjects(session, 2)
  library.C_FindObjectsFinal(session)
  if (key === undefined) throw new TokenFailure('fault', 'no private key in it has that label and id')
  if (others.length > 0) throw new TokenFailure('fault', 'several private keys in it have that label and id: give both')
  return key
}

function signWith(library: pkcs11.PKCS11, slot: Handle, session: Handle, key: Handle): Sign {
  const operation = async (on: Handle, mechanism: number, data: Buffer): Promise<Buffer> => {
    library.C_SignInit(on, { mechanism }, key)
    return library.C_SignAsync(on, data, Buffer.alloc(MOST_OCTETS))
  }
  const [type] = library.C_GetAttributeValue(session, key, [{ type: pkcs11.CKA_KEY_TYPE }])
  const kind = type?.value.readUInt8()
  if (kind === pkcs11.CKK_EC) return async (on, data) => ecdsaSignature(await operation(on, pkcs11.CKM_ECDSA, sha256(data)))
  if (kind !== pkcs11.CKK_RSA) throw new TokenFailure('fault', 'its key is neither RSA nor EC')
  return library.C_GetMechanismList(slot).includes(pkcs11.CKM_SHA256_RSA_PKCS)
    ? (on, data) => operation(on, pkcs11.CKM_SHA256_RSA_PKCS, data)
    : (on, data) => operation(on, pkcs11.CKM_RSA_PKCS, sequence(DIGEST_ALGORITHM, octetString(sha256(data))))
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest()
}

/** Ecdsa-Sig-Value of the two numbers side by side that PKCS#11 gives. RFC 3279 §2.2.3 */
function ecdsaSignature(pair: Buffer): Buffer {
  const half = pair.length / 2
  return sequence(integer(pair.subarray(0, half)), integer(pair.subarray(half)))
}
