declare module 'haraka-constants' {
  const constants: {
    readonly cont: number
    readonly deny: number
    readonly denysoft: number
    readonly denysoftdisconnect: number
    readonly ok: number
    readonly delay: number
    readonly connection: { readonly state: { readonly CMD: number; readonly DATA: number; readonly PAUSE_DATA: number } }
  }
  export default constants
}

declare module 'haraka-dsn' {
  /** A reply with its enhanced status code (RFC 3463). */
  interface Dsn {
    readonly code: number
    readonly reply: string
  }
  const DSN: { create(code: number, message: unknown, subject: number, detail: number): Dsn }
  export default DSN
}

declare module 'haraka-config' {
  interface HarakaConfig {
    get(name: string, type?: string, options?: { readonly no_watch: boolean }): unknown
    /** The configuration in DIRECTORY/config. */
    module_config(directory: string): HarakaConfig
  }
  const config: HarakaConfig
  export default config
}
