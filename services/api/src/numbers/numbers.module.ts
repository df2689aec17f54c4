import { Module } from '@nestjs/common';
import { NumbersController } from './numbers.controller.js';
import { Prometheus } from './prometheus.js';

@Module({ controllers: [NumbersController], providers: [Prometheus] })
export class NumbersModule {}
