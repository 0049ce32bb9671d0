import type { PrivateServer } from '../support/private-server.js';

/** A server of a cluster. */
export interface Node {
  readonly name: string;
  readonly server: PrivateServer;
  /** Starts or restarts the server, and waits until it is part of the cluster. */
  start(): Promise<void>;
}

/** A cluster of three nodes on loopback. */
export interface Cluster {
  readonly nodes: readonly [Node, Node, Node];
  /** The URLs of the gateway, without a database. */
  readonly primary: string;
  readonly replicas: readonly string[];
  /** Which nodes to kill and restart, one after the other. */
  readonly killed: readonly Node[];
  /** Resolves when the others go on without the killed node, to the URL of one that accepts writes. */
  untilLeft(node: Node): Promise<string>;
  dispose(): Promise<void>;
}
