import Type from '#typebox';

/** PEM files of a listener that speaks TLS. */
export const TlsSettings = Type.Object(
  {
    /** The server's certificate, and behind it those that lead to its authority. */
    certificateFile: Type.String({ minLength: 1 }),
    keyFile: Type.String({ minLength: 1 }),
    /** Authorities of clients; with it a client needs a certificate of one of them. */
    clientCaFile: Type.Optional(Type.String({ minLength: 1 })),
  },
  { additionalProperties: false },
);
export type TlsSettings = Type.Static<typeof TlsSettings>;

/** A Unix-domain socket to listen on. */
export const SocketSettings = Type.Object(
  {
    path: Type.String({ minLength: 1 }),
    /** Permission bits of the file; who may write to it may call the endpoint. */
    mode: Type.Integer({ minimum: 0, maximum: 0o777 }),
  },
  { additionalProperties: false },
);
export type SocketSettings = Type.Static<typeof SocketSettings>;

/** What a scoring endpoint listens on besides plain TCP; every field may be left out. */
export const ListenerSettings = Type.Object(
  { socket: Type.Optional(SocketSettings), tls: Type.Optional(TlsSettings) },
  { additionalProperties: false },
);
export type ListenerSettings = Type.Static<typeof ListenerSettings>;

/** Where TCP is listened on; without a port it is not. */
export interface TcpAddress {
  host: string;
  port: number | null;
}
