// A time-stamping authority (RFC 3161) for trials: `openssl ts -reply` behind HTTP. Its keys are made at the first start, in TSA_DIR.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'

const directory = process.env.TSA_DIR ?? '/srv/tsa'
const port = Number(process.env.TSA_PORT ?? 3161)
const host = process.env.TSA_HOST ?? '0.0.0.0'
const LARGEST_REQUEST = 65536

const openssl = (...args) => promisify(execFile)('openssl', args, { cwd: directory })

const CONFIGURATION = `
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[stamps]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = stamping
[stamping]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
`

async function makeKeys() {
  if (existsSync(join(directory, 'tsa.pem'))) return
  // Others read the authority's certificate there; openssl writes keys for the owner only.
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'tsa.cnf'), CONFIGURATION)
  await writeFile(join(directory, 'serial'), '01\n')
  const key = ['req', '-config', 'tsa.cnf', '-newkey', 'rsa:2048', '-nodes']
  const authority = ['-keyout', 'authority.key', '-out', 'authority.pem', '-extensions', 'authority', '-days', '3650']
  await openssl(...key, '-x509', ...authority, '-subj', '/CN=Trial time-stamping root')
  await openssl(...key, '-keyout', 'tsa.key', '-out', 'tsa.csr', '-subj', '/CN=Trial time-stamping authority')
  const signed = ['-CA', 'authority.pem', '-CAkey', 'authority.key', '-CAcreateserial', '-days', '3650']
  await openssl('x509', '-req', '-in', 'tsa.csr', ...signed, '-extfile', 'tsa.cnf', '-extensions', 'stamps', '-out', 'tsa.pem')
}

let count = 0

async function stamp(query) {
  const name = `request-${process.pid}-${count++}`
  const [request, reply] = [`${name}.tsq`, `${name}.tsr`].map((file) => join(directory, file))
  try {
    await writeFile(request, query)
    const signer = ['-signer', 'tsa.pem', '-inkey', 'tsa.key', '-chain', 'authority.pem']
    await openssl('ts', '-reply', '-config', 'tsa.cnf', ...signer, '-queryfile', request, '-out', reply)
    return await readFile(reply)
  } finally {
    await Promise.all([request, reply].map((file) => rm(file, { force: true })))
  }
}

// One at a time: they share a file of serial numbers.
let queue = Promise.resolve()
function stampInTurn(query) {
  const next = queue.then(() => stamp(query))
  queue = next.catch(() => undefined)
  return next
}

async function answer(request, response) {
  if (request.method !== 'POST') return void response.writeHead(405).end()
  const pieces = []
  let size = 0
  for await (const piece of request) {
    size += piece.length
    if (size > LARGEST_REQUEST) return void response.writeHead(413).end()
    pieces.push(piece)
  }
  const reply = await stampInTurn(Buffer.concat(pieces))
  response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(reply)
}

await makeKeys()
createServer((request, response) => {
  answer(request, response).catch(() => response.writeHead(500).end())
}).listen(port, host, () => process.stdout.write(`time stamps on ${host}:${port}\n`))
