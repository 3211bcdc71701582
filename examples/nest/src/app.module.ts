import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { TidemarkFilter, TidemarkModule } from 'tidemark/nest';
import { Backends, BackendsModule } from './backends.js';
import { type User, model } from './campaign/model.js';
import { Health } from './health.js';
import { Live } from './live.js';
import { Rules } from './rules.js';
import { Settlements } from './settlements.js';
import { type Asked, Who } from './who.js';

@Module({
  imports: [
    BackendsModule,
    TerminusModule,
    TidemarkModule.forRootAsync({
      isGlobal: true,
      imports: [BackendsModule],
      inject: [Backends],
      useFactory: ({ rows, shared }: Backends) => ({
        tide: {
          ...{ model, origin: rows.origin, ...shared },
          rules: { source: rows.rules },
          authorize: ({ name }: User) => name !== 'mallory',
        },
        scope: ({ user, headers }: Asked) => ({ principal: user, after: headers['x-after'] }),
        drainMs: Number(process.env['DRAIN_MS'] ?? 0),
      }),
    }),
  ],
  controllers: [Settlements, Rules, Live, Health],
  providers: [
    { provide: APP_GUARD, useClass: Who },
    { provide: APP_FILTER, useClass: TidemarkFilter },
  ],
})
export class AppModule {}
